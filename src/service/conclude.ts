import { runKeys } from '../contracts/keys.ts';
import { type Outcome, remoteKeys } from '../contracts/service.ts';
import { writeReport } from '../pipeline/report.ts';
import type { Store } from '../stores/store.ts';
import { within } from '../stores/within.ts';
import { completeShards } from './complete-shards.ts';
import type { ServiceContext } from './context.ts';
import { doneJobs, type OpenRun } from './open-run.ts';
import { endAttempt, outcomeOf } from './run-index.ts';
import { settle } from './settle.ts';

const REPORT = runKeys.report('report.json');

/**
 * Ends an attempt whose jobs have ended: writes the report of what there is and how it ended, and settles that. However many
 * do this at once, report.json is written once (the other files of a report are the same, byte for byte, whoever writes
 * them), and so is the outcome, by whoever then tells people.
 */
export async function conclude(ctx: ServiceContext, open: OpenRun): Promise<Outcome | undefined> {
  const evaluated = await doneJobs(ctx, open, 'evaluate');
  const transferred = await doneJobs(ctx, open, 'transfer');
  const complete = completeShards(open.plan, evaluated, transferred).size;
  const total = open.plan.shards.length;
  if (complete > 0) await report(ctx, open, complete < total);
  const outcome: Outcome = {
    schema: 'igd.outcome/1',
    status: complete === 0 ? 'failed' : complete < total ? 'partial' : 'complete',
    message: summary(open, complete, evaluated, transferred),
    at: ctx.now().toISOString(),
  };
  if (!(await endAttempt(ctx, open.run, open.attempt, outcome))) return outcomeOf(ctx, open.run, open.attempt);
  await settle(ctx, open, outcome);
  return outcome;
}

/** A partial report lies in a folder of its attempt, so that the report of the whole run, once there is one, is never another. */
async function report(ctx: ServiceContext, { plan, files, attempt }: OpenRun, isPartial: boolean): Promise<void> {
  const target = isPartial ? within(files, remoteKeys.partial(attempt)) : files;
  const store: Store = {
    ...files,
    put: async (key, bytes) => {
      if (key === REPORT) await target.putNew(key, bytes);
      else await target.put(key, bytes);
    },
  };
  await writeReport(plan, store, ctx.rankings, { allowPartial: isPartial });
}

function summary(
  { run, plan }: OpenRun,
  complete: number,
  evaluated: readonly boolean[],
  transferred: readonly boolean[],
): string {
  const total = plan.shards.length;
  if (complete === total)
    return `Run ${run} is complete: ${plan.inputs.test.images} images, ${plan.config.variants.length} variants.`;
  const lost = (done: readonly boolean[]) => done.filter((isDone) => !isDone).length;
  return (
    `Run ${run} ended with ${complete} of ${total} shards complete in every variant ` +
    `(${lost(evaluated)} of ${evaluated.length} evaluations and ${lost(transferred)} of ${transferred.length} transfers are missing). ` +
    `What is done is kept: "igd retry ${run}" does the rest.`
  );
}
