import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { InputError } from '../../contracts/errors.ts';
import { runKeys } from '../../contracts/keys.ts';
import { decodePlan, type Plan } from '../../pipeline/plan.ts';
import { writeReport } from '../../pipeline/report.ts';
import { reportJsonSchema } from '../../report/json.ts';
import { reportTable } from '../../report/table.ts';
import { FileStore } from '../../stores/file-store.ts';
import { say } from '../files.ts';
import { rankingsFolder } from './run.ts';

export function addReport(program: Command): void {
  program
    .command('report')
    .description('write the report of a finished run anew from its results')
    .argument('[dir]', 'folder of the run')
    .option('--rankings <dir>', 'folder where rankings are kept', rankingsFolder())
    .option('--schema', 'print the JSON schema of report.json instead')
    .action(async (dir: string | undefined, { rankings, schema }: { rankings: string; schema?: boolean }) => {
      if (schema === true) return say(JSON.stringify(reportJsonSchema(), null, 2));
      if (dir === undefined) throw new InputError('give the folder of a run');
      const runs = new FileStore(resolve(dir));
      const report = await writeReport(await planOf(runs), runs, new FileStore(resolve(rankings)));
      say(reportTable(report));
      say(`report: ${join(runs.root, 'report.html')}`);
    });
}

/** Throws InputError where the folder holds no run. */
export async function planOf(runs: FileStore): Promise<Plan> {
  const bytes = await runs.get(runKeys.plan);
  if (bytes === undefined) throw new InputError(`${runs.root} holds no run: there is no ${runKeys.plan} in it`);
  return decodePlan(bytes, join(runs.root, runKeys.plan));
}
