import { runKeys } from '../contracts/keys.ts';
import { reportSchema } from '../contracts/report.ts';
import { type Outcome, remoteKeys, STAGE_NAMES, serviceKeys } from '../contracts/service.ts';
import { hasEnded } from '../engines/job-queue.ts';
import { reportTable } from '../report/table.ts';
import type { ServiceContext } from './context.ts';
import { failuresOf } from './failures.ts';
import { takeOver } from './lease.ts';
import type { Notice } from './notify.ts';
import type { OpenRun } from './open-run.ts';
import { readRecord } from './records.ts';
import { markSettled } from './run-index.ts';
import { readStage, stageStates } from './stage.ts';

/** Failures a notification quotes. */
const QUOTED = 3;

/**
 * Does what follows the end of an attempt: tells people, or ends the jobs of a run that was cancelled (whose number it
 * gives). That it is done is noted after: should this process die in between, `settleLater` does it again. So people are told
 * once, and twice only where a process dies right after the mail is sent, but never not at all.
 */
export async function settle(ctx: ServiceContext, open: OpenRun, outcome: Outcome): Promise<number> {
  const ended = outcome.status === 'cancelled' ? await endJobs(ctx, open) : 0;
  if (outcome.status !== 'cancelled') await ctx.notify(await noticeOf(ctx, open, outcome));
  await markSettled(ctx, open.run, open.attempt);
  return ended;
}

/** Settles what somebody ended and left unsettled; they have the time a lease lasts, and then one of those who notice. */
export async function settleLater(ctx: ServiceContext, open: OpenRun, outcome: Outcome): Promise<void> {
  const key = (term: number) => remoteKeys.outcomeLease(open.attempt, term);
  const lease = await takeOver(open.files, { begunAt: outcome.at, key }, ctx.now());
  if (lease !== undefined) await settle(ctx, open, outcome);
}

async function endJobs(ctx: ServiceContext, open: OpenRun): Promise<number> {
  const stages = await Promise.all(STAGE_NAMES.map((stage) => readStage(open, stage)));
  const states = await Promise.all(
    stages.map(async (stage) => (stage === undefined ? [] : (await stageStates(ctx, stage)).states)),
  );
  const jobs = states.flat().filter((state) => !hasEnded(state));
  await ctx.queue.cancel(
    jobs.map(({ id }) => id),
    'cancelled by igd cancel',
  );
  return jobs.length;
}

async function noticeOf(ctx: ServiceContext, open: OpenRun, outcome: Outcome): Promise<Notice> {
  const lines = [
    outcome.message,
    ...(await failureLines(ctx, open, outcome)),
    ...(await reportLines(ctx, open, outcome)),
  ];
  return { subject: `igd: ${open.run} is ${outcome.status}`, text: lines.join('\n\n') };
}

async function failureLines(ctx: ServiceContext, open: OpenRun, { status }: Outcome): Promise<string[]> {
  if (status === 'complete') return [];
  const failures = await failuresOf(ctx, open, QUOTED);
  return failures.map(
    ({ stage, task, job, message }) => `${stage} ${task}${job === null ? '' : ` (${job})`}: ${message}`,
  );
}

async function reportLines(
  ctx: ServiceContext,
  { run, attempt, files }: OpenRun,
  { status }: Outcome,
): Promise<string[]> {
  const prefix = status === 'partial' ? remoteKeys.partial(attempt) : '';
  const report = await readRecord(files, `${prefix}${runKeys.report('report.json')}`, reportSchema);
  if (status === 'failed' || report === undefined) return [];
  const link = async (file: string) => `${file}: ${await ctx.link(`${serviceKeys.run(run)}${prefix}${file}`)}`;
  const links = await Promise.all(['report.html', 'report.json', 'images.csv'].map((file) => link(file)));
  return [reportTable(report), ...links];
}
