import { stagesOf } from '../runs/planning/plan.ts';
import { type Outcome, STAGE_NAMES, type StageName } from '../schemas/service.ts';
import type { ServiceContext } from './context.ts';
import { finishAttempt, notifyOutcomeLater } from './finish-attempt.ts';
import { holdAttempt } from './hold-attempt.ts';
import { type LoadedRun, type OpenRun, openRun, withPlan } from './load-run.ts';
import { auditable, dearestFirst, readyJobs, transferable, unevaluated, unranked } from './proposals.ts';
import { outcomeOf } from './run-index.ts';
import { shareWithTwins } from './share-evaluations.ts';
import { limitOf, overspent, tooDear } from './spending.ts';
import { endStage, ensureStage, readStage, type SubmittedStage, stageStates } from './stage.ts';

/** Where a run stands after a step. */
export type ReconcileResult =
  | { readonly state: 'waiting'; readonly stage: string }
  | { readonly state: 'ended'; readonly outcome: Outcome | undefined };

/**
 * Takes a run as far as it will go now: submits its rankings and, depending on them or once they have ended, what is crafted once and its
 * evaluation; once those jobs have ended, the transfer and the audit of what is complete; once those have ended, the report. What is there and which jobs have ended says
 * what is next, never the event that called: called twice, at once, late or for nothing, it does no harm. Of a run that has
 * ended, it does what its end asks for and somebody left undone. Throws InputError where there is no such run, RunError where
 * AWS refuses: the next call goes on from there.
 */
export async function reconcileRun(ctx: ServiceContext, run: string): Promise<ReconcileResult> {
  const opened = await openRun(ctx, run);
  if (opened.ended) return ended(ctx, opened);
  const open = await withPlan(ctx, opened);
  const stopped = await overspent(ctx, open);
  if (stopped !== undefined) return stopAttempt(ctx, open, stopped);
  const estimate = await tooDear(ctx, open);
  if (estimate !== undefined) return { state: 'ended', outcome: await holdAttempt(ctx, open, estimate) };
  const begun = await ensureRanked(ctx, open);
  if (typeof begun === 'string') return waiting(begun);
  const { before, isOver } = begun;
  const isLimited = (await limitOf(ctx, open)) !== undefined;
  const evaluate = await ensureStage(ctx, open, 'evaluate', {
    propose: async () => {
      const isReady = isOver ? await readyJobs(ctx, open, 'evaluate') : undefined;
      const positions = await unevaluated(ctx, open, 'evaluate', isReady);
      return isLimited ? dearestFirst(open.parts, positions) : positions;
    },
    sendsAhead: isLimited,
    after: isOver ? [] : before.flatMap(({ submissions }) => submissions),
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

/** What the evaluation needs, as far as it is submitted. */
interface Begun {
  readonly before: readonly (SubmittedStage & { readonly isNew: boolean })[];
  /** Whether all of it has ended. */
  readonly isOver: boolean;
}

/**
 * Submits rankings, and what is crafted once. A run's evaluation can depend on its rankings, for without one of them nothing is reported.
 * Where one of several may fail without the others, as of a sweep's rankings and of crafted shards, what comes after is
 * submitted once they have ended. Gives the stage that is waited for where nothing more can be submitted.
 */
async function ensureRanked(ctx: ServiceContext, open: LoadedRun): Promise<Begun | StageName> {
  const { parts, sweep } = open;
  const rank = await ensureStage(ctx, open, 'rank', { propose: () => unranked(ctx, open), after: [] });
  const isOver = rank !== undefined && sweep !== undefined && (await haveEnded(ctx, [rank]));
  if (rank === undefined || (sweep !== undefined && !isOver)) return 'rank';
  if (!stagesOf(parts[0].plan).includes('craft')) return { before: [rank], isOver };
  const craft = await ensureStage(ctx, open, 'craft', {
    propose: async () => unevaluated(ctx, open, 'craft', isOver ? await readyJobs(ctx, open, 'craft') : undefined),
    // A defended variant is crafted on with its ranking.
    after: isOver ? [] : rank.submissions,
  });
  if (craft === undefined || !(await haveEnded(ctx, [rank, craft]))) return 'craft';
  // What one run of a sweep has crafted is there for the others before they evaluate it.
  await shareWithTwins(ctx, parts, 'craft');
  return { before: [rank, craft], isOver: true };
}

/**
 * Ends an attempt that has cost what it may, and its jobs; why, `stopped` says. What every variant is done with is judged and reported all
 * the same: that takes a forward pass an example, and without it nothing of the attempt could be seen.
 */
async function stopAttempt(ctx: ServiceContext, open: LoadedRun, stopped: string): Promise<ReconcileResult> {
  for (const stage of STAGE_NAMES.filter((name) => name !== 'transfer')) {
    const begun = await readStage(open, stage);
    if (begun !== undefined) await endStage(ctx, begun, 'its run has cost what it may (maxDollars)');
  }
  await shareWithTwins(ctx, open.parts, 'evaluate');
  const transfer = await ensureStage(ctx, open, 'transfer', { propose: () => transferable(ctx, open), after: [] });
  if (transfer === undefined || transfer.isNew || !(await haveEnded(ctx, [transfer]))) return waiting('transfer');
  return { state: 'ended', outcome: await finishAttempt(ctx, open, stopped) };
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

/** The audit's stage; none of a run that asks for no audit. */
async function ensureAudit(ctx: ServiceContext, open: LoadedRun) {
  const [{ plan }] = open.parts;
  if (plan.audit === undefined) return [];
  const audit = await ensureStage(ctx, open, 'audit', { propose: () => auditable(ctx, open), after: [] });
  return audit && [audit];
}
