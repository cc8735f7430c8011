import type { Command } from 'commander';
import { onAws } from '../../service/on-aws.ts';
import { positiveNumber } from '../numbers.ts';
import { addJson, printJson } from '../output.ts';
import { addServiceOptions, openService, type ServiceFlags } from '../remote/service.ts';
import { print } from '../storage-location.ts';

interface ApproveFlags extends ServiceFlags {
  readonly maxDollars?: number;
}

export function define(command: Command): void {
  command
    .argument('<run>', 'name of the run or of its config')
    .option('--max-dollars <n>', 'what it may cost; half as much again as is expected where left out', positiveNumber);
  addServiceOptions(addJson(command)).action(approve);
}

async function approve(name: string, { maxDollars, ...flags }: ApproveFlags): Promise<void> {
  const { ctx, service, runNamed } = await openService(flags);
  const run = await runNamed(name);
  const approved = await onAws(`approve run ${run}`, () => service.approveRun(ctx, run, maxDollars));
  printJson({ run, ...approved });
  print(`run ${run}: attempt ${approved.attempt} is started, and may cost $${approved.maxDollars.toFixed(2)}`);
}
