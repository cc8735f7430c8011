import { list } from '../report/format.ts';
import { reportTable } from '../report/table.ts';
import type { HistoryEntry } from '../schemas/history.ts';
import { runKeys } from '../schemas/keys.ts';
import { type ParameterSweepReport, parameterSweepReportSchema } from '../schemas/parameter-sweep.ts';
import { readRecord } from '../schemas/parse-record.ts';
import { reportSchema } from '../schemas/report.ts';
import { type Outcome, remoteKeys } from '../schemas/service.ts';
import type { ServiceContext } from './context.ts';
import { failuresOf } from './failures.ts';
import { appendAttempt } from './history/append.ts';
import { historyLines, historySubject, mostUrgent, publishEntries } from './history/tell.ts';
import { acquireExpiredLease } from './lease.ts';
import { type LoadedRun, type OpenRun, withPlan } from './load-run.ts';
import type { Notice } from './notify.ts';
import { endAttempt, markNotified, outcomeOf } from './run-index.ts';
import { endStage } from './stage.ts';
import { submittedJobs } from './submitted-jobs.ts';
import { type PartState, partState, writeReports } from './write-reports.ts';

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
  const states: PartState[] = [];
  for (const part of open.parts) states.push(await partState(ctx, part));
  await writeReports(ctx, open, states);
  const isWhole = states.every((state) => state.isWhole);
  const isEmpty = states.every(({ complete }) => complete === 0);
  const outcome: Outcome = {
    schema: 'igd.outcome/1',
    status: isEmpty ? 'failed' : isWhole ? 'complete' : 'partial',
    message: [...(isWhole || stopped === undefined ? [] : [stopped]), summary(open, states)].join(' '),
    at: ctx.now().toISOString(),
  };
  if (!(await endAttempt(ctx, open.run, open.attempt, outcome))) return outcomeOf(ctx, open.run, open.attempt);
  await notifyOutcome(ctx, open, outcome);
  return outcome;
}

function summary({ run, sweep, parts: [{ plan }] }: LoadedRun, states: readonly PartState[]): string {
  const { images } = plan.inputs.test;
  const runs = sweep === undefined ? '' : `${sweep.runs.length} runs over ${sweep.key}, `;
  if (states.every(({ isWhole }) => isWhole))
    return `Run ${run} is complete: ${runs}${images} images, ${plan.config.variants.length} variants.`;
  const total = (counted: (state: PartState) => number) => states.reduce((sum, state) => sum + counted(state), 0);
  const lost = Object.entries({ evaluations: 'evaluate', transfers: 'transfer', audits: 'audit' } as const)
    .map(([what, stage]) => ({
      what,
      all: total(({ done }) => done[stage].length),
      left: total(({ done }) => done[stage].filter((isDone) => !isDone).length),
    }))
    .filter(({ all }) => all > 0);
  const whole =
    sweep === undefined ? '' : `${total(({ isWhole }) => Number(isWhole))} of ${sweep.runs.length} runs whole and `;
  return (
    `Run ${run} ended with ${whole}${total(({ complete }) => complete)} of ${total(({ part }) => part.plan.shards.length)} shards complete in every variant ` +
    `(${list(lost.map(({ what, all, left }) => `${left} of ${all} ${what}`))} are missing). ` +
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
  return endStage(ctx, { submissions: await submittedJobs(open) }, 'its run was cancelled or set aside');
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
  const how = outcome.status === 'held' ? 'waits for approval' : `is ${outcome.status}`;
  const subject = entry === undefined ? `igd: ${open.run} ${how}` : historySubject(entry);
  return { subject, text: lines.join('\n\n') };
}

async function failureLines(ctx: ServiceContext, open: OpenRun, { status }: Outcome): Promise<string[]> {
  // The jobs of an attempt that is held were ended, and did not fail.
  if (status === 'complete' || status === 'held') return [];
  // Of a run without a plan its outcome says why there is none.
  const loaded = await withPlan(ctx, open).catch(() => undefined);
  const failures = loaded === undefined ? [] : await failuresOf(ctx, loaded, QUOTED);
  return failures.map(
    ({ stage, task, job, message }) =>
      `${[stage, ...(task === null ? [] : [task])].join(' ')}${job === null ? '' : ` (${job})`}: ${message}`,
  );
}

/** Commands, no links: what signs a link is the function's own credentials, and a link ends with those, after hours. */
async function reportLines(
  ctx: ServiceContext,
  { run, attempt, files }: OpenRun,
  { status }: Outcome,
): Promise<string[]> {
  if (status !== 'complete' && status !== 'partial') return [];
  const prefix = status === 'partial' ? remoteKeys.partial(attempt) : '';
  const report = await readRecord(files, `${prefix}${runKeys.report('report.json')}`, reportSchema);
  const sweep = await readRecord(files, `${prefix}${runKeys.sweepReport}`, parameterSweepReportSchema);
  const { stack } = ctx.service;
  return [
    ...(report === undefined ? [] : [reportTable(report)]),
    ...(sweep === undefined ? [] : [await sweepTable(sweep)]),
    `All files: npx igd download ${run} --stack ${stack} --to runs/${run}`,
    `In a browser: npx igd browse --stack ${stack}`,
  ];
}

/** What draws comes along: it is loaded where there is a sweep to tell of. */
async function sweepTable(sweep: ParameterSweepReport): Promise<string> {
  const { parameterSweepTable } = await import('../report/parameter-sweep.ts');
  return parameterSweepTable(sweep);
}
