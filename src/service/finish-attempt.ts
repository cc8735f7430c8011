import { list } from '../report/format.ts';
import { reportTable } from '../report/table.ts';
import { writeReport } from '../runs/write-report.ts';
import type { HistoryEntry } from '../schemas/history.ts';
import { runKeys } from '../schemas/keys.ts';
import { readRecord } from '../schemas/parse-record.ts';
import { reportSchema } from '../schemas/report.ts';
import { type Outcome, remoteKeys } from '../schemas/service.ts';
import { type Store, within } from '../stores/store.ts';
import { hasEnded } from './batch/job-queue.ts';
import type { ServiceContext } from './context.ts';
import { failuresOf } from './failures.ts';
import { appendAttempt } from './history/append.ts';
import { historyLines, historySubject, mostUrgent, publishEntries } from './history/tell.ts';
import { acquireExpiredLease } from './lease.ts';
import { completeShards, doneJobs, type LoadedRun, type OpenRun, withPlan } from './load-run.ts';
import type { Notice } from './notify.ts';
import { endAttempt, markNotified, outcomeOf } from './run-index.ts';
import { stageStates } from './stage.ts';
import { submittedJobs } from './submitted-jobs.ts';

const REPORT = runKeys.report('report.json');

/**
 * Ends an attempt whose jobs have ended, or that is `stopped`, which says why: writes the report of what there is and how it ended, and settles that. However many
 * do this at once, report.json is written once (the other files of a report are the same, byte for byte, whoever writes
 * them), and so is the outcome, by whoever then tells people.
 */
export async function finishAttempt(
  ctx: ServiceContext,
  open: LoadedRun,
  stopped?: string,
): Promise<Outcome | undefined> {
  const evaluated = await doneJobs(ctx, open, 'evaluate');
  const transferred = await doneJobs(ctx, open, 'transfer');
  const audited = open.plan.audit === undefined ? [] : await doneJobs(ctx, open, 'audit');
  const complete = completeShards(open.plan, evaluated, transferred).size;
  const isWhole = complete === open.plan.shards.length && audited.every(Boolean);
  if (complete > 0) await report(ctx, open, !isWhole);
  const outcome: Outcome = {
    schema: 'igd.outcome/1',
    status: complete === 0 ? 'failed' : isWhole ? 'complete' : 'partial',
    message: [
      ...(isWhole || stopped === undefined ? [] : [stopped]),
      summary(open, complete, { evaluated, transferred, audited }),
    ].join(' '),
    at: ctx.now().toISOString(),
  };
  if (!(await endAttempt(ctx, open.run, open.attempt, outcome))) return outcomeOf(ctx, open.run, open.attempt);
  await notifyOutcome(ctx, open, outcome);
  return outcome;
}

/** A partial report lies in a folder of its attempt, so that the report of the whole run, once there is one, is never another. */
async function report(ctx: ServiceContext, { plan, files, attempt }: LoadedRun, isPartial: boolean): Promise<void> {
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
  { run, plan }: LoadedRun,
  complete: number,
  { evaluated, transferred, audited }: Readonly<Record<'evaluated' | 'transferred' | 'audited', readonly boolean[]>>,
): string {
  const total = plan.shards.length;
  if (complete === total && audited.every(Boolean))
    return `Run ${run} is complete: ${plan.inputs.test.images} images, ${plan.config.variants.length} variants.`;
  const lost = (done: readonly boolean[]) => done.filter((isDone) => !isDone).length;
  const parts = Object.entries({ evaluations: evaluated, transfers: transferred, audits: audited })
    .filter(([, done]) => done.length > 0)
    .map(([what, done]) => `${lost(done)} of ${done.length} ${what}`);
  return (
    `Run ${run} ended with ${complete} of ${total} shards complete in every variant ` +
    `(${list(parts)} are missing). ` +
    `What is done is kept: "igd retry ${run}" does the rest.`
  );
}

/** Failures a notification quotes. */
const QUOTED = 3;

/**
 * Does what follows the end of an attempt: ends jobs that are left, of a run that was cancelled or set aside (whose number it
 * gives), and tells people of all but what they cancelled. That it is done is noted after: should this process die in between, `notifyOutcomeLater` does it again. So people are told
 * once, and twice only where a process dies right after the mail is sent, but never not at all.
 */
export async function notifyOutcome(ctx: ServiceContext, open: OpenRun, outcome: Outcome): Promise<number> {
  const ended = outcome.status === 'complete' ? 0 : await endJobs(ctx, open);
  if (outcome.status !== 'cancelled') await tell(ctx, open, outcome);
  await markNotified(ctx, open.run, open.attempt);
  return ended;
}

/** The history first: of what is told, its records and page are there. */
async function tell(ctx: ServiceContext, open: OpenRun, outcome: Outcome): Promise<void> {
  const entries = await appendAttempt(ctx, { ...open, outcome });
  await publishEntries(ctx, entries);
  await ctx.notify(await noticeOf(ctx, open, outcome, entries));
}

/** Settles what somebody ended and left unsettled; they have the time a lease lasts, and then one of those who notice. */
export async function notifyOutcomeLater(ctx: ServiceContext, open: OpenRun, outcome: Outcome): Promise<void> {
  const key = (term: number) => remoteKeys.outcomeLease(open.attempt, term);
  const lease = await acquireExpiredLease(open.files, { begunAt: outcome.at, key }, ctx.now());
  if (lease !== undefined) await notifyOutcome(ctx, open, outcome);
}

/** Needs the records of what was submitted, and no plan. */
async function endJobs(ctx: ServiceContext, open: OpenRun): Promise<number> {
  const { states } = await stageStates(ctx, { submissions: await submittedJobs(open) });
  const jobs = states.filter((state) => !hasEnded(state));
  await ctx.queue.terminate(
    jobs.map(({ id }) => id),
    'its run was cancelled or set aside',
  );
  return jobs.length;
}

async function noticeOf(
  ctx: ServiceContext,
  open: OpenRun,
  outcome: Outcome,
  entries: readonly HistoryEntry[],
): Promise<Notice> {
  const lines = [
    outcome.message,
    ...historyLines(ctx, entries),
    ...(await failureLines(ctx, open, outcome)),
    ...(await reportLines(ctx, open, outcome)),
  ];
  const entry = mostUrgent(entries);
  const subject = entry === undefined ? `igd: ${open.run} is ${outcome.status}` : historySubject(entry);
  return { subject, text: lines.join('\n\n') };
}

async function failureLines(ctx: ServiceContext, open: OpenRun, { status }: Outcome): Promise<string[]> {
  if (status === 'complete') return [];
  // Of a run without a plan its outcome says why there is none.
  const loaded = await withPlan(ctx, open).catch(() => undefined);
  const failures = loaded === undefined ? [] : await failuresOf(ctx, loaded, QUOTED);
  return failures.map(
    ({ stage, task, job, message }) => `${stage} ${task}${job === null ? '' : ` (${job})`}: ${message}`,
  );
}

/** Commands, no links: what signs a link is the function's own credentials, and a link ends with those, after hours. */
async function reportLines(
  ctx: ServiceContext,
  { run, attempt, files }: OpenRun,
  { status }: Outcome,
): Promise<string[]> {
  const prefix = status === 'partial' ? remoteKeys.partial(attempt) : '';
  const report = await readRecord(files, `${prefix}${runKeys.report('report.json')}`, reportSchema);
  if (status === 'failed' || report === undefined) return [];
  const { stack } = ctx.service;
  return [
    reportTable(report),
    `All files: npx igd download ${run} --stack ${stack} --to runs/${run}`,
    `In a browser: npx igd browse --stack ${stack}`,
  ];
}
