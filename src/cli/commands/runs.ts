import type { Command } from 'commander';
import { printable } from '../../errors.ts';
import { alignColumns } from '../../report/table.ts';
import { onAws } from '../remote/on-aws.ts';
import { addServiceOptions, openService, type ServiceFlags } from '../remote/service.ts';
import { print } from '../storage-location.ts';

export function addCancel(program: Command): void {
  const command = program
    .command('cancel')
    .description('end a run on AWS and its jobs; what is done is kept')
    .argument('<run>', 'name of the run or of its config');
  addServiceOptions(command).action(cancel);
}

async function cancel(name: string, flags: ServiceFlags): Promise<void> {
  const { ctx, service, runNamed } = await openService(flags);
  const run = await runNamed(name);
  const jobs = await onAws(`cancel run ${run}`, () => service.cancelRun(ctx, run));
  print(
    `run ${run} is cancelled, ${jobs} Batch ${jobs === 1 ? 'job' : 'jobs'} ended. "igd retry ${run}" goes on from here`,
  );
}

export function addRetry(program: Command): void {
  const command = program
    .command('retry')
    .description('start what is missing of a run on AWS that failed, was cancelled or ended incomplete')
    .argument('<run>', 'name of the run or of its config');
  addServiceOptions(command).action(retry);
}

async function retry(name: string, flags: ServiceFlags): Promise<void> {
  const { ctx, service, runNamed } = await openService(flags);
  const run = await runNamed(name);
  const attempt = await onAws(`retry run ${run}`, () => service.retryRun(ctx, run));
  print(`run ${run}: attempt ${attempt} is started. Watch it with: igd status ${run} --watch`);
}

export function addList(program: Command): void {
  addServiceOptions(program.command('list').description('the runs of a service on AWS, newest first')).action(list);
}

async function list(flags: ServiceFlags): Promise<void> {
  const { ctx, service } = await openService(flags);
  const runs = await onAws('list runs', () => service.listRuns(ctx));
  if (runs.length === 0) return print('no run yet: "igd submit" starts one');
  const rows = runs.map(({ run, status, attempt, submittedAt, endedAt }) => [
    run,
    status,
    String(attempt),
    submittedAt,
    endedAt ?? '',
  ]);
  for (const cells of alignColumns([['run', 'status', 'attempt', 'submitted', 'ended'], ...rows]))
    print(printable(cells.join('  ').trimEnd()));
}
