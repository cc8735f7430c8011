import type { Outcome } from '../contracts/service.ts';
import type { ServiceContext } from './context.ts';
import { claimOf, indexedRuns, outcomeOf } from './run-index.ts';

export interface RunListing {
  readonly run: string;
  /** Name the config was uploaded under. */
  readonly config: string;
  readonly attempt: number;
  readonly submittedAt: string;
  readonly status: Outcome['status'] | 'running';
  readonly endedAt: string | undefined;
}

/** Every run of the service, newest first. */
export async function listRuns(ctx: ServiceContext): Promise<RunListing[]> {
  const listings = await Promise.all(
    (await indexedRuns(ctx)).map(async ({ run, attempt, ended }): Promise<RunListing> => {
      const first = await claimOf(ctx, run, 1);
      const outcome = ended ? await outcomeOf(ctx, run, attempt) : undefined;
      return {
        run,
        config: first?.config ?? run,
        attempt,
        submittedAt: first?.at ?? '',
        status: outcome?.status ?? 'running',
        endedAt: outcome?.at,
      };
    }),
  );
  return listings.sort((a, b) => b.submittedAt.localeCompare(a.submittedAt));
}
