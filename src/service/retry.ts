import { InputError } from '../contracts/errors.ts';
import { advanceRun } from './advance.ts';
import type { ServiceContext } from './context.ts';
import { openRun } from './open-run.ts';
import { claimAttempt, claimOf, outcomeOf } from './run-index.ts';

/**
 * Starts another attempt at a run that ended incomplete, which does only what is missing; gives its number. Failures and the
 * partial report of the attempt before stay with that attempt. Throws InputError where there is no such run, it is still
 * going, or it is complete.
 */
export async function retryRun(ctx: ServiceContext, run: string): Promise<number> {
  const { ended, attempt } = await openRun(ctx, run);
  if (!ended) throw new InputError(`run ${run} is still going: wait for it, or cancel it first`);
  const outcome = await outcomeOf(ctx, run, attempt);
  if (outcome?.status === 'complete') throw new InputError(`run ${run} is complete: nothing is missing`);
  const before = await claimOf(ctx, run, attempt);
  const claim = { schema: 'igd.claim/1', config: before?.config ?? run, at: ctx.now().toISOString() } as const;
  if (!(await claimAttempt(ctx, run, attempt + 1, claim))) throw new InputError(`run ${run} is being retried already`);
  await advanceRun(ctx, run);
  return attempt + 1;
}
