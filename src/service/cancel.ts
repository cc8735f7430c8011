import { InputError } from '../contracts/errors.ts';
import type { ServiceContext } from './context.ts';
import { openRun } from './open-run.ts';
import { endAttempt } from './run-index.ts';
import { settle } from './settle.ts';

/**
 * Ends a run and its jobs, waiting or running; gives the number of jobs ended. What is done is kept, and `retryRun` goes on
 * from it. Throws InputError where there is no such run or it has ended.
 */
export async function cancelRun(ctx: ServiceContext, run: string): Promise<number> {
  const open = await openRun(ctx, run);
  const outcome = {
    schema: 'igd.outcome/1',
    status: 'cancelled',
    message: `Run ${run} was cancelled. What is done is kept: "igd retry ${run}" does the rest.`,
    at: ctx.now().toISOString(),
  } as const;
  // First, so that nothing more is submitted.
  if (open.ended || !(await endAttempt(ctx, run, open.attempt, outcome)))
    throw new InputError(`run ${run} has ended already: there is nothing to cancel`);
  return settle(ctx, open, outcome);
}
