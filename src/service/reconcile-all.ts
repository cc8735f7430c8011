import { messageOf, TransientError } from '../errors.ts';
import type { Outcome } from '../schemas/service.ts';
import type { ServiceContext } from './context.ts';
import { notifyOutcome } from './finish-attempt.ts';
import { openRun } from './load-run.ts';
import { reconcileRun } from './reconcile.ts';
import { endAttempt, type IndexedRun, indexedRuns, isExpired, markProblem } from './run-index.ts';

/** How often the reconciler is called. Lambda calls again what fails: a turn counts once. */
const TURN_MS = 10 * 60_000;

/** Turns in vain after which a run is set aside, and the turns that are looked back: a fault that comes once a day is none that stays. */
const MAX_PROBLEMS = 3;
const REMEMBERED_TURNS = 6;

export interface ReconciledRun {
  readonly run: string;
  /** Why it could not be gone on with; undefined where it could. */
  readonly problem: string | undefined;
  /** Whether its attempt was ended for that. */
  readonly isSetAside: boolean;
}

/**
 * Goes on with every run that is unfinished, or ended but not settled, as events would have that were lost. One that fails
 * does not hold up the others, and is set aside after three turns in vain. Runs whose files expire are left alone.
 */
export async function reconcileAll(ctx: ServiceContext): Promise<ReconciledRun[]> {
  const reconciled: ReconciledRun[] = [];
  for (const indexed of await indexedRuns(ctx)) {
    if ((indexed.ended && indexed.settled) || (await isExpired(ctx, indexed))) continue;
    const { run } = indexed;
    const failed = await reconcileRun(ctx, run).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    const problem = failed && messageOf(failed.error);
    reconciled.push({
      run,
      problem,
      isSetAside: failed !== undefined && (await noteFailure(ctx, indexed, failed.error)),
    });
  }
  return reconciled;
}

/** Gives whether the run was set aside. What passes by itself, as an outage of S3 or Batch does, is no run's fault. */
async function noteFailure(ctx: ServiceContext, indexed: IndexedRun, error: unknown): Promise<boolean> {
  if (indexed.ended || error instanceof TransientError) return false;
  const turn = Math.floor(ctx.now().getTime() / TURN_MS);
  await markProblem(ctx, indexed, turn, messageOf(error));
  const turns = new Set([...indexed.problems, turn].filter((other) => other > turn - REMEMBERED_TURNS));
  if (turns.size < MAX_PROBLEMS) return false;
  await setAside(ctx, indexed, messageOf(error));
  return true;
}

/** Ends the attempt, as failed, and its jobs, and tells people: once, and no turn fails for it again. */
async function setAside(ctx: ServiceContext, { run, attempt }: IndexedRun, problem: string): Promise<void> {
  const retry = `igd retry ${run} --stack ${ctx.service.stack}`;
  const outcome: Outcome = {
    schema: 'igd.outcome/1',
    status: 'failed',
    message: `Run ${run} was set aside: in ${MAX_PROBLEMS} turns of the reconciler it could not be gone on with. ${problem}. What is done is kept: once the reason is gone, "${retry}" goes on.`,
    at: ctx.now().toISOString(),
  };
  if (await endAttempt(ctx, run, attempt, outcome)) await notifyOutcome(ctx, await openRun(ctx, run), outcome);
}
