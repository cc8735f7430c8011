import type { Command } from 'commander';
import { printable } from '../../contracts/errors.ts';
import { alignColumns } from '../../report/columns.ts';
import { say } from '../files.ts';
import { onAws } from '../on-aws.ts';
import { addServiceOptions, openService, type ServiceFlags } from '../service.ts';

export function addList(program: Command): void {
  addServiceOptions(program.command('list').description('the runs of a service on AWS, newest first')).action(list);
}

async function list(flags: ServiceFlags): Promise<void> {
  const { ctx, service } = await openService(flags);
  const runs = await onAws('list runs', () => service.listRuns(ctx));
  if (runs.length === 0) return say('no run yet: "igd submit" starts one');
  const rows = runs.map(({ run, status, attempt, submittedAt, endedAt }) => [
    run,
    status,
    String(attempt),
    submittedAt,
    endedAt ?? '',
  ]);
  for (const cells of alignColumns([['run', 'status', 'attempt', 'submitted', 'ended'], ...rows]))
    say(printable(cells.join('  ').trimEnd()));
}
