import type { z } from 'zod';
import { InputError, RunError } from '../errors.ts';
import { parseRecord, readRecord } from '../schemas/parse-record.ts';
import {
  claimSchema,
  costEstimateSchema,
  type Outcome,
  outcomeSchema,
  remoteKeys,
  serviceKeys,
} from '../schemas/service.ts';
import type { ServiceContext } from './context.ts';
import { notifyOutcome } from './finish-attempt.ts';
import { loadRun, openRun } from './load-run.ts';
import { reconcileRun } from './reconcile.ts';
import { claimAttempt, claimOf, endAttempt, type IndexedRun, indexedRuns, outcomeOf } from './run-index.ts';
import { jobDefinitionOfRetry } from './submit-target.ts';

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
  return notifyOutcome(ctx, open, outcome);
}

/**
 * Starts another attempt at a run that ended incomplete, which does only what is missing; gives its number. Failures and the
 * partial report of the attempt before stay with that attempt. Throws InputError where there is no such run, it is still
 * going, it is complete, or it waits for approval. `maxDollars`: what it may cost, where somebody has approved that.
 */
export async function retryRun(ctx: ServiceContext, run: string, maxDollars?: number): Promise<number> {
  const { ended, attempt, parts } = await loadRun(ctx, run);
  if (!ended) throw new InputError(`run ${run} is still going: wait for it, or cancel it first`);
  const outcome = await outcomeOf(ctx, run, attempt);
  if (outcome?.status === 'complete') throw new InputError(`run ${run} is complete: nothing is missing`);
  if (outcome?.status === 'held' && maxDollars === undefined)
    throw new InputError(`run ${run} waits for approval: "igd approve ${run}" goes on`);
  const before = await claimOf(ctx, run, attempt);
  const [{ plan }] = parts;
  const jobDefinition = await jobDefinitionOfRetry(ctx, plan, before);
  const at = ctx.now().toISOString();
  const config = before?.config ?? run;
  const claim = { schema: 'igd.claim/1', config, jobDefinition, maxDollars, at } as const;
  if (!(await claimAttempt(ctx, run, attempt + 1, claim))) throw new InputError(`run ${run} is being retried already`);
  await reconcileRun(ctx, run);
  return attempt + 1;
}

/** What an approved run may cost, of what it is expected to: the first task may have been an easy one. */
const MARGIN = 1.5;

/**
 * Goes on with a run that waits for approval, in another attempt that may cost `maxDollars`: half as much again as it is expected to
 * where left out. With `maxDollars` it also goes on with a run that has ended incomplete, as one does that was stopped at its limit. Throws
 * InputError where there is no such run, or it waits for nothing.
 */
export async function approveRun(
  ctx: ServiceContext,
  run: string,
  maxDollars?: number,
): Promise<{ readonly attempt: number; readonly maxDollars: number }> {
  const { attempt, ended, files } = await openRun(ctx, run);
  const outcome = ended ? await outcomeOf(ctx, run, attempt) : undefined;
  const estimate = await readRecord(files, remoteKeys.estimate(attempt), costEstimateSchema);
  const expected = outcome?.status === 'held' ? estimate : undefined;
  const limit = maxDollars ?? (expected && Math.ceil(100 * MARGIN * expected.dollars) / 100);
  if (outcome === undefined || limit === undefined)
    throw new InputError(
      `run ${run} does not wait for approval: "igd status ${run}" says how it is; one that was stopped at maxDollars goes on with --max-dollars`,
    );
  return { attempt: await retryRun(ctx, run, limit), maxDollars: limit };
}

export interface RunListing {
  readonly run: string;
  /** Name the config was uploaded under. */
  readonly config: string;
  readonly attempt: number;
  readonly submittedAt: string;
  /** `unreadable`: a record of it is damaged or of another version of igd, which its status names. */
  readonly status: Outcome['status'] | 'running' | 'unreadable';
  readonly endedAt: string | undefined;
}

/** Every run of the service, newest first. One whose records cannot be read hides none of the others. */
export async function listRuns(ctx: Pick<ServiceContext, 'runs'>): Promise<RunListing[]> {
  const listings = await Promise.all((await indexedRuns(ctx)).map((indexed) => listingOf(ctx, indexed)));
  return listings.sort((a, b) => b.submittedAt.localeCompare(a.submittedAt));
}

async function listingOf({ runs }: Pick<ServiceContext, 'runs'>, indexed: IndexedRun): Promise<RunListing> {
  const { run, attempt, ended } = indexed;
  const claim = readable(claimSchema, await runs.get(serviceKeys.claim(run, 1)));
  const outcome = ended ? readable(outcomeSchema, await runs.get(serviceKeys.outcome(run, attempt))) : undefined;
  const known = { run, config: claim?.config ?? run, attempt, submittedAt: claim?.at ?? '' };
  if (claim === null || outcome === null) return { ...known, status: 'unreadable', endedAt: undefined };
  return { ...known, status: outcome?.status ?? 'running', endedAt: outcome?.at };
}

/** null of a record that is damaged or of another version. */
function readable<T>(schema: z.ZodType<T>, bytes: Uint8Array | undefined): T | null | undefined {
  if (bytes === undefined) return undefined;
  try {
    return parseRecord(schema, bytes, 'a record of the index');
  } catch (error) {
    if (error instanceof RunError) return null;
    throw error;
  }
}
