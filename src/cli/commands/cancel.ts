import type { Command } from 'commander';
import { say } from '../files.ts';
import { onAws } from '../on-aws.ts';
import { addServiceOptions, openService, type ServiceFlags } from '../service.ts';

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
  say(
    `run ${run} is cancelled, ${jobs} Batch ${jobs === 1 ? 'job' : 'jobs'} ended. "igd retry ${run}" goes on from here`,
  );
}
