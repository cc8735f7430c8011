import type { Command } from 'commander';
import { say } from '../files.ts';
import { onAws } from '../on-aws.ts';
import { addServiceOptions, openService, type ServiceFlags } from '../service.ts';

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
  say(`run ${run}: attempt ${attempt} is started. Watch it with: igd status ${run} --watch`);
}
