import { stageJobs, stagesOf } from '../runs/planning/plan.ts';
import { takeEvaluations } from '../runs/reuse/take-evaluations.ts';
import type { Outcome, StageName } from '../schemas/service.ts';
import { UNDEFENDED } from '../schemas/variants.ts';
import type { ServiceContext } from './context.ts';
import { completeShards, doneInPart, doneJobs, missing } from './done-jobs.ts';
import { finishAttempt, notifyOutcomeLater } from './finish-attempt.ts';
import { holdAttempt } from './hold-attempt.ts';
import { type LoadedRun, type OpenRun, openRun, withPlan } from './load-run.ts';
import { jobsOf, type Part } from './parts.ts';
import { outcomeOf } from './run-index.ts';
import { shareWithTwins, withoutTwins } from './share-evaluations.ts';
import { limitOf, overspent, tooDear } from './spending.ts';
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
  const estimate = await tooDear(ctx, open);
  if (estimate !== undefined) return { state: 'ended', outcome: await holdAttempt(ctx, open, estimate) };
  const [{ plan }, ...others] = open.parts;
  const rank = await ensureStage(ctx, open, 'rank', {
    propose: async () => withoutTwins(open.parts, 'rank', missing(await doneJobs(ctx, open.parts, 'rank'))),
    after: [],
  });
  if (rank === undefined) return waiting('rank');
  const before = [rank];
  if (stagesOf(plan).includes('craft')) {
    const craft = await ensureStage(ctx, open, 'craft', {
      propose: async () => notDone(ctx, open, 'craft'),
      // A defended variant is crafted on with its ranking.
      after: rank.submissions,
    });
    if (craft === undefined) return waiting('craft');
    before.push(craft);
    // What one run of a sweep has crafted is there for the others before they evaluate it.
    if (others.length > 0 && !(await haveEnded(ctx, before))) return waiting('craft');
    await shareWithTwins(ctx, open.parts, 'craft');
  }
  const isLimited = (await limitOf(ctx, open)) !== undefined;
  const evaluate = await ensureStage(ctx, open, 'evaluate', {
    propose: async () => {
      const positions = await notDone(ctx, open, 'evaluate');
      return isLimited ? dearestFirst(open, positions) : positions;
    },
    sendsAhead: isLimited,
    after: before.flatMap(({ submissions }) => submissions),
  });
  // What was submitted just now has not ended; its events lead here again.
  if (evaluate === undefined || evaluate.isNew || before.some(({ isNew }) => isNew)) return waiting('evaluate');
  if (!(await haveEnded(ctx, [...before, evaluate]))) return waiting('evaluate');
  await shareWithTwins(ctx, open.parts, 'evaluate');
  // Neither reads what the other writes.
  const transfer = await ensureStage(ctx, open, 'transfer', { propose: () => transferable(ctx, open), after: [] });
  const audit = await ensureAudit(ctx, open);
  if (transfer === undefined || transfer.isNew || !(await haveEnded(ctx, [transfer]))) return waiting('transfer');
  if (audit === undefined || audit.some(({ isNew }) => isNew) || !(await haveEnded(ctx, audit)))
    return waiting('audit');
  return { state: 'ended', outcome: await finishAttempt(ctx, open) };
}

/**
 * What no run has done: evaluations that others have kept beside the rankings are taken before anything is submitted. What several
 * runs of a sweep ask for is to be done once.
 */
async function notDone(ctx: ServiceContext, { parts }: LoadedRun, stage: 'craft' | 'evaluate'): Promise<number[]> {
  await shareWithTwins(ctx, parts, stage);
  const wanted = withoutTwins(parts, stage, missing(await doneJobs(ctx, parts, stage)));
  const jobs = jobsOf(parts, stage);
  for (const part of parts) {
    const own = wanted.flatMap((position) => (jobs[position]?.part === part ? [jobs[position].job] : []));
    await takeEvaluations({ plan: part.plan, runs: part.files, kept: ctx.rankings }, own);
  }
  const done = await doneJobs(ctx, parts, stage);
  return wanted.filter((position) => done[position] === false);
}

/** A defended variant, which evaluates each image twice as a rule: of what it takes the cost of all is told. */
function dearestFirst({ parts }: LoadedRun, positions: readonly number[]): number[] {
  const jobs = jobsOf(parts, 'evaluate');
  const isDefended = (position: number) => {
    const { job } = jobs[position] ?? {};
    return job?.kind === 'evaluate' && job.variant !== UNDEFENDED.id;
  };
  return positions.toSorted((a, b) => Number(isDefended(b)) - Number(isDefended(a)));
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
async function transferable(ctx: ServiceContext, { parts }: LoadedRun): Promise<number[]> {
  const complete = new Map<Part, Set<number>>();
  for (const part of parts) complete.set(part, completeShards(part.plan, await doneInPart(ctx, part, 'evaluate')));
  const jobs = jobsOf(parts, 'transfer');
  return missing(await doneJobs(ctx, parts, 'transfer')).filter((position) => {
    const { part, job } = jobs[position] ?? {};
    return part !== undefined && job?.kind === 'transfer' && complete.get(part)?.has(job.shard) === true;
  });
}

/** The audit's stage; none of a run that asks for no audit. */
async function ensureAudit(ctx: ServiceContext, open: LoadedRun) {
  const [{ plan }] = open.parts;
  if (plan.audit === undefined) return [];
  const audit = await ensureStage(ctx, open, 'audit', { propose: () => auditable(ctx, open), after: [] });
  return audit && [audit];
}

/** A sample is drawn of all that a variant's evaluation left: only variants that are done with every shard have one. */
async function auditable(ctx: ServiceContext, { parts }: LoadedRun): Promise<number[]> {
  const incomplete = new Map<Part, Set<string>>();
  for (const part of parts) {
    const evaluated = await doneInPart(ctx, part, 'evaluate');
    const left = stageJobs(part.plan, 'evaluate').filter((_, position) => evaluated[position] !== true);
    incomplete.set(part, new Set(left.flatMap((job) => (job.kind === 'evaluate' ? [job.variant] : []))));
  }
  const jobs = jobsOf(parts, 'audit');
  return missing(await doneJobs(ctx, parts, 'audit')).filter((position) => {
    const { part, job } = jobs[position] ?? {};
    return part !== undefined && job?.kind === 'audit' && incomplete.get(part)?.has(job.variant) === false;
  });
}
