import { runKeys } from '../contracts/keys.ts';
import type { Report } from '../contracts/report.ts';
import { type Outcome, remoteKeys, serviceKeys } from '../contracts/service.ts';
import { writeReport } from '../pipeline/report.ts';
import { reportTable } from '../report/table.ts';
import type { Store } from '../stores/store.ts';
import { within } from '../stores/within.ts';
import { completeShards } from './complete-shards.ts';
import type { ServiceContext } from './context.ts';
import { failuresOf } from './failures.ts';
import { doneJobs, type OpenRun } from './open-run.ts';
import { endAttempt, outcomeOf } from './run-index.ts';

const REPORT = runKeys.report('report.json');

/** Failures a notification quotes. */
const QUOTED = 3;

/**
 * Ends an attempt whose jobs have ended: writes the report of what there is, says how it ended, tells people. However many
 * do this at once, report.json is written once (the other files of a report are the same, byte for byte, whoever writes
 * them), and so is the outcome, by whoever then sends the notification.
 */
export async function conclude(ctx: ServiceContext, open: OpenRun): Promise<Outcome | undefined> {
  const evaluated = await doneJobs(ctx, open, 'evaluate');
  const transferred = await doneJobs(ctx, open, 'transfer');
  const shards = completeShards(open.plan, evaluated, transferred);
  const reported = shards.size === 0 ? undefined : await report(ctx, open, shards.size < open.plan.shards.length);
  const outcome: Outcome = {
    schema: 'igd.outcome/1',
    status: shards.size === 0 ? 'failed' : reported?.isPartial === true ? 'partial' : 'complete',
    message: summary(open, shards.size, evaluated, transferred),
    at: ctx.now().toISOString(),
  };
  if (!(await endAttempt(ctx, open.run, open.attempt, outcome))) return outcomeOf(ctx, open.run, open.attempt);
  await ctx.notify({
    subject: `igd: ${open.run} is ${outcome.status}`,
    text: [
      outcome.message,
      ...(await failureLines(ctx, open, outcome)),
      ...(await reportLines(ctx, open, reported)),
    ].join('\n\n'),
  });
  return outcome;
}

interface Reported {
  readonly report: Report;
  readonly isPartial: boolean;
  /** Prefix of its files among the run's. */
  readonly prefix: string;
}

/** A partial report lies in a folder of its attempt, so that the report of the whole run, once there is one, is never another. */
async function report(ctx: ServiceContext, { plan, files, attempt }: OpenRun, isPartial: boolean): Promise<Reported> {
  const prefix = isPartial ? remoteKeys.partial(attempt) : '';
  const target = isPartial ? within(files, prefix) : files;
  const store: Store = {
    ...files,
    put: async (key, bytes) => {
      if (key === REPORT) await target.putNew(key, bytes);
      else await target.put(key, bytes);
    },
  };
  return { report: await writeReport(plan, store, ctx.rankings, { allowPartial: isPartial }), isPartial, prefix };
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

async function failureLines(ctx: ServiceContext, open: OpenRun, { status }: Outcome): Promise<string[]> {
  if (status === 'complete') return [];
  const failures = await failuresOf(ctx, open, QUOTED);
  return failures.map(
    ({ stage, task, job, message }) => `${stage} ${task}${job === null ? '' : ` (${job})`}: ${message}`,
  );
}

async function reportLines(ctx: ServiceContext, { run }: OpenRun, reported: Reported | undefined): Promise<string[]> {
  if (reported === undefined) return [];
  const link = async (file: string) => `${file}: ${await ctx.link(`${serviceKeys.run(run)}${reported.prefix}${file}`)}`;
  const links = await Promise.all(['report.html', 'report.json', 'images.csv'].map((file) => link(file)));
  return [reportTable(reported.report), ...links];
}
