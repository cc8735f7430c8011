import type { CostEstimate, Outcome } from '../schemas/service.ts';
import type { ServiceContext } from './context.ts';
import { notifyOutcome } from './finish-attempt.ts';
import type { LoadedRun } from './load-run.ts';
import { endAttempt, outcomeOf } from './run-index.ts';
import { dollarsText } from './spending.ts';

/** Ends an attempt that is expected to cost more than it may, and its jobs: it waits for somebody who approves. */
export async function holdAttempt(
  ctx: ServiceContext,
  open: LoadedRun,
  { seconds, tasks, dollars, maxDollars }: CostEstimate,
): Promise<Outcome | undefined> {
  const { run, attempt } = open;
  const { stack } = ctx.service;
  const outcome: Outcome = {
    schema: 'igd.outcome/1',
    status: 'held',
    message:
      `Run ${run} waits for approval: the first of ${tasks} tasks took ${Math.round(seconds)} seconds, so all are expected to cost about ` +
      `${dollarsText(dollars)}, and it may cost ${dollarsText(maxDollars)} (maxDollars). What is done is kept: ` +
      `"igd approve ${run} --stack ${stack}" goes on.`,
    at: ctx.now().toISOString(),
  };
  if (!(await endAttempt(ctx, run, attempt, outcome))) return outcomeOf(ctx, run, attempt);
  await notifyOutcome(ctx, open, outcome);
  return outcome;
}
