import type { Command } from 'commander';
import { onAws } from '../../service/on-aws.ts';
import { addJson, printJson } from '../output.ts';
import { addServiceOptions, openService, type ServiceFlags } from '../remote/service.ts';
import { print } from '../storage-location.ts';

export function define(command: Command): void {
  command.argument('<run>', 'name of the run or of its config');
  addServiceOptions(addJson(command)).action(retry);
}

async function retry(name: string, flags: ServiceFlags): Promise<void> {
  const { ctx, service, runNamed } = await openService(flags);
  const run = await runNamed(name);
  const attempt = await onAws(`retry run ${run}`, () => service.retryRun(ctx, run));
  printJson({ run, attempt });
  print(`run ${run}: attempt ${attempt} is started. Watch it with: igd status ${run} --watch`);
}
