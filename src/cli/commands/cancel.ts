import type { Command } from 'commander';
import { onAws } from '../../service/on-aws.ts';
import { addJson, printJson } from '../output.ts';
import { addServiceOptions, openService, type ServiceFlags } from '../remote/service.ts';
import { print } from '../storage-location.ts';

export function define(command: Command): void {
  command.argument('<run>', 'name of the run or of its config');
  addServiceOptions(addJson(command)).action(cancel);
}

async function cancel(name: string, flags: ServiceFlags): Promise<void> {
  const { ctx, service, runNamed } = await openService(flags);
  const run = await runNamed(name);
  const jobs = await onAws(`cancel run ${run}`, () => service.cancelRun(ctx, run));
  printJson({ run, jobs });
  print(
    `run ${run} is cancelled, ${jobs} Batch ${jobs === 1 ? 'job' : 'jobs'} ended. "igd retry ${run}" goes on from here`,
  );
}
