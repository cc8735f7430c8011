import { stageJobs, stagesOf } from '../runs/planning/plan.ts';
import { takeEvaluations } from '../runs/reuse/take-evaluations.ts';
import type { Outcome, StageName } from '../schemas/service.ts';
import type { ServiceContext } from './context.ts';
import { finishAttempt, notifyOutcomeLater } from './finish-attempt.ts';
import { completeShards, doneJobs, type LoadedRun, missing, type OpenRun, openRun, withPlan } from './load-run.ts';
import { outcomeOf } from './run-index.ts';
import { overspent } from './spending.ts';
import { ensureStage, type SubmittedStage, stageStates } from './stage.ts';

/** Where a run stands after a step. */
export type ReconcileResult =
  | { readonly state: 'waiting'; readonly stage: string }
  | { readonly state: 'ended'; readonly outcome: Outcome | undefined };

/**
 * Takes a run as far as it will go now: submits its rankings and, depending on them, what is crafted once and its evaluation; once
 * those jobs have ended, the transfer and the audit of what is complete; once those have ended, the report. What is there and which jobs have ended says
 * what is next, never the event that called: called twice, at once, late or for nothing, it does no harm. Of a run that has
 * ended, it does what its end asks for and somebody left undone. Throws InputError where there is no such run, RunError where
 * AWS refuses: the next call goes on from there.
 */
export async function reconcileRun(ctx: ServiceContext, run: string): Promise<ReconcileResult> {
  const opened = await openRun(ctx, run);
  if (opened.ended) return ended(ctx, opened);
  const open = await withPlan(ctx, opened);
  const stopped = await overspent(ctx, open);
  if (stopped !== undefined) return { state: 'ended', outcome: await finishAttempt(ctx, open, stopped) };
  const rank = await ensureStage(ctx, open, 'rank', {
    propose: async () => missing(await doneJobs(ctx, open, 'rank')),
    after: [],
  });
  if (rank === undefined) return waiting('rank');
  const before = [rank];
  if (stagesOf(open.plan).includes('craft')) {
    const craft = await ensureStage(ctx, open, 'craft', {
      propose: async () => notDone(ctx, open, 'craft'),
      // A defended variant is crafted on with its ranking.
      after: rank.submissions,
    });
    if (craft === undefined) return waiting('craft');
    before.push(craft);
  }
  const evaluate = await ensureStage(ctx, open, 'evaluate', {
    propose: async () => notDone(ctx, open, 'evaluate'),
    after: before.flatMap(({ submissions }) => submissions),
  });
  // What was submitted just now has not ended; its events lead here again.
  if (evaluate === undefined || evaluate.isNew || before.some(({ isNew }) => isNew)) return waiting('evaluate');
  if (!(await haveEnded(ctx, [...before, evaluate]))) return waiting('evaluate');
  // Neither reads what the other writes.
  const transfer = await ensureStage(ctx, open, 'transfer', { propose: () => transferable(ctx, open), after: [] });
  const audit = await ensureAudit(ctx, open);
  if (transfer === undefined || transfer.isNew || !(await haveEnded(ctx, [transfer]))) return waiting('transfer');
  if (audit === undefined || audit.some(({ isNew }) => isNew) || !(await haveEnded(ctx, audit)))
    return waiting('audit');
  return { state: 'ended', outcome: await finishAttempt(ctx, open) };
}

/** What no run has done: evaluations that others have kept beside the rankings are taken before anything is submitted. */
async function notDone(ctx: ServiceContext, open: LoadedRun, stage: 'craft' | 'evaluate'): Promise<number[]> {
  const { plan, files } = open;
  await takeEvaluations({ plan, runs: files, kept: ctx.rankings }, stageJobs(plan, stage));
  return missing(await doneJobs(ctx, open, stage));
}

async function ended(ctx: ServiceContext, open: OpenRun): Promise<ReconcileResult> {
  const outcome = await outcomeOf(ctx, open.run, open.attempt);
  if (outcome !== undefined && !open.settled) await notifyOutcomeLater(ctx, open, outcome);
  return { state: 'ended', outcome };
}

function waiting(stage: StageName): ReconcileResult {
  return { state: 'waiting', stage };
}

async function haveEnded(ctx: ServiceContext, stages: readonly SubmittedStage[]): Promise<boolean> {
  for (const stage of stages) if (!(await stageStates(ctx, stage)).ended) return false;
  return true;
}

/** Transfer judges every variant on the examples of all: only shards that every variant is done with can be. */
async function transferable(ctx: ServiceContext, open: LoadedRun): Promise<number[]> {
  const complete = completeShards(open.plan, await doneJobs(ctx, open, 'evaluate'));
  const jobs = stageJobs(open.plan, 'transfer');
  return missing(await doneJobs(ctx, open, 'transfer')).filter((position) => {
    const job = jobs[position];
    return job?.kind === 'transfer' && complete.has(job.shard);
  });
}

/** The audit's stage; none of a run that asks for no audit. */
async function ensureAudit(ctx: ServiceContext, open: LoadedRun) {
  if (open.plan.audit === undefined) return [];
  const audit = await ensureStage(ctx, open, 'audit', { propose: () => auditable(ctx, open), after: [] });
  return audit && [audit];
}

/** A sample is drawn of all that a variant's evaluation left: only variants that are done with every shard have one. */
async function auditable(ctx: ServiceContext, open: LoadedRun): Promise<number[]> {
  const evaluated = await doneJobs(ctx, open, 'evaluate');
  const incomplete = new Set(
    stageJobs(open.plan, 'evaluate').flatMap((job, position) =>
      job.kind === 'evaluate' && evaluated[position] !== true ? [job.variant] : [],
    ),
  );
  const jobs = stageJobs(open.plan, 'audit');
  return missing(await doneJobs(ctx, open, 'audit')).filter((position) => {
    const job = jobs[position];
    return job?.kind === 'audit' && !incomplete.has(job.variant);
  });
}
