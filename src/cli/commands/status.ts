import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { InputError, printable, RunError } from '../../errors.ts';
import { onAws } from '../../service/on-aws.ts';
import type { RunStatus } from '../../service/status.ts';
import { finiteNumber } from '../numbers.ts';
import { addJson, printJson } from '../output.ts';
import { addServiceOptions, openService, type ServiceFlags } from '../remote/service.ts';
import { print } from '../storage-location.ts';

interface StatusFlags extends ServiceFlags {
  readonly watch?: boolean;
  readonly price?: number;
  readonly failOnRegression?: boolean;
  readonly json?: boolean;
}

const INTERVAL_MS = 10_000;

export function define(command: Command): void {
  command
    .argument('<run>', 'name of the run or of its config')
    .option('--watch', 'go on until the run ends; exit code 1 where it ends incomplete')
    .option('--price <dollars>', 'what an hour of one machine costs', finiteNumber)
    .option('--fail-on-regression', 'of a run of a schedule: exit code 1 where an accuracy fell since the one before');
  addServiceOptions(addJson(command)).action(status);
}

async function status(name: string, flags: StatusFlags): Promise<void> {
  const { watch = false, price, failOnRegression = false, json = false } = flags;
  const { ctx, service, runNamed, requireAccepted } = await openService(flags);
  const { statusText } = await import('../remote/status-text.ts');
  const run = await runNamed(name);
  const look = async () => {
    const current = await onAws(`look up run ${run}`, () => service.runStatus(ctx, run));
    return { current, text: json ? '' : printable(statusText(current, ctx.service.buckets.runs, price)) };
  };
  let { current, text } = await look();
  if (!json) print(text);
  while (watch && !(failOnRegression ? hasHistory(current) : current.outcome !== undefined)) {
    await delay(INTERVAL_MS);
    const shown = text;
    ({ current, text } = await look());
    if (!json) redraw(shown, text);
  }
  printJson(current);
  if (failOnRegression) {
    await requireAccepted(name);
    requireNoRegression(current);
  }
  if (watch) requireComplete(current);
}

/** The entry in a history is written after the end of a run. */
function hasHistory({ outcome, settled }: RunStatus): boolean {
  return outcome !== undefined && settled;
}

/** Throws RunError where an accuracy fell, and where there is no result that could tell; InputError where there is nothing to ask. */
function requireNoRegression(status: RunStatus): void {
  const { run, schedules, history, outcome } = status;
  if (schedules.length === 0)
    throw new InputError(
      `run ${run} is of no schedule, so nothing came before it: compare two runs with "igd check" or "igd browse"`,
    );
  if (!hasHistory(status)) throw new InputError(`run ${run} has not ended: give --watch too, which waits for its end`);
  const fell = history.filter(({ comparison }) => comparison.verdict === 'regressed');
  if (fell.length > 0) throw new RunError(fell.map(sentenceOf).join('; '));
  const without = schedules.filter((schedule) => history.every((entry) => entry.schedule !== schedule));
  const empty = history.filter(({ comparison }) => comparison.verdict === 'no-results');
  if (without.length + empty.length > 0)
    throw new RunError(`run ${run} left no results to compare: it ended ${outcome?.status}`);
}

function sentenceOf({ schedule, comparison }: RunStatus['history'][number]): string {
  return `${schedule}: ${comparison.sentence}`;
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
