import type { Command } from 'commander';
import { InputError } from '../../contracts/errors.ts';
import { runKeys } from '../../contracts/keys.ts';
import { decodePlan, type Plan } from '../../pipeline/plan.ts';
import { writeReport } from '../../pipeline/report.ts';
import { reportJsonSchema } from '../../report/json.ts';
import { reportTable } from '../../report/table.ts';
import { say } from '../files.ts';
import { type Place, placeOf } from '../places.ts';
import { rankingsFolder } from './run.ts';

export function addReport(program: Command): void {
  program
    .command('report')
    .description('write the report of a finished run anew from its results')
    .argument('[dir]', 'folder of the run, or s3://bucket/prefix')
    .option('--rankings <dir>', 'folder where rankings are kept', rankingsFolder())
    .option('--schema', 'print the JSON schema of report.json instead')
    .action(async (dir: string | undefined, { rankings, schema }: { rankings: string; schema?: boolean }) => {
      if (schema === true) return say(JSON.stringify(reportJsonSchema(), null, 2));
      if (dir === undefined) throw new InputError('give the folder of a run');
      const [runs, ranked] = await Promise.all([placeOf(dir), placeOf(rankings)]);
      const report = await writeReport(await planOf(runs), runs.store, ranked.store);
      say(reportTable(report));
      say(`report: ${runs.where('report.html')}`);
    });
}

/** Throws InputError where the place holds no run. */
export async function planOf({ store, where }: Place): Promise<Plan> {
  const bytes = await store.get(runKeys.plan);
  if (bytes === undefined) throw new InputError(`${where('')} holds no run: there is no ${runKeys.plan} in it`);
  return decodePlan(bytes, where(runKeys.plan));
}
