import type { Command } from 'commander';
import { printable } from '../../errors.ts';
import { alignColumns } from '../../report/table.ts';
import { onAws } from '../../service/on-aws.ts';
import { addJson, printJson } from '../output.ts';
import { addServiceOptions, openService, type ServiceFlags } from '../remote/service.ts';
import { print } from '../storage-location.ts';

export function define(command: Command): void {
  addServiceOptions(addJson(command)).action(list);
}

async function list(flags: ServiceFlags): Promise<void> {
  const { ctx, service } = await openService(flags);
  const runs = await onAws('list runs', () => service.listRuns(ctx));
  printJson(runs);
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
