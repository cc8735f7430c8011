import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { printable, RunError } from '../../errors.ts';
import { onAws } from '../../service/on-aws.ts';
import type { RunStatus } from '../../service/status.ts';
import { finiteNumber } from '../options.ts';
import { addJson, printJson } from '../output.ts';
import { addServiceOptions, openService, type ServiceFlags } from '../remote/service.ts';
import { print } from '../storage-location.ts';

interface StatusFlags extends ServiceFlags {
  readonly watch?: boolean;
  readonly price?: number;
  readonly json?: boolean;
}

const INTERVAL_MS = 10_000;

export function define(command: Command): void {
  command
    .argument('<run>', 'name of the run or of its config')
    .option('--watch', 'go on until the run ends; exit code 1 where it ends incomplete')
    .option('--price <dollars>', 'what an hour of one machine costs', finiteNumber);
  addServiceOptions(addJson(command)).action(status);
}

async function status(name: string, { watch = false, price, json = false, ...flags }: StatusFlags): Promise<void> {
  const { ctx, service, runNamed } = await openService(flags);
  const { statusText } = await import('../remote/status-text.ts');
  const run = await runNamed(name);
  const look = async () => {
    const current = await onAws(`look up run ${run}`, () => service.runStatus(ctx, run));
    return { current, text: printable(statusText(current, ctx.service.buckets.runs, price)) };
  };
  let { current, text } = await look();
  print(text);
  while (watch && current.outcome === undefined) {
    await delay(INTERVAL_MS);
    const shown = text;
    ({ current, text } = await look());
    if (!json) redraw(shown, text);
  }
  printJson(current);
  if (watch) requireComplete(current);
}

/** In place on a terminal; elsewhere a new block where something has changed. */
function redraw(shown: string, text: string): void {
  if (process.stdout.isTTY) process.stdout.write(`\u001b[${shown.split('\n').length}A\u001b[J`);
  else if (shown === text) return;
  print(text);
}

function requireComplete({ run, outcome }: RunStatus): void {
  if (outcome !== undefined && outcome.status !== 'complete') throw new RunError(`run ${run} ended ${outcome.status}`);
}
