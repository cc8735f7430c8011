import { messageOf } from '../contracts/errors.ts';
import { advanceRun } from './advance.ts';
import type { ServiceContext } from './context.ts';
import { indexedRuns } from './run-index.ts';

export interface Swept {
  readonly run: string;
  /** Why it could not be gone on with; undefined where it could. */
  readonly problem: string | undefined;
}

/**
 * Goes on with every run that is unfinished, or ended but not settled, as events would have that were lost. One that fails
 * does not hold up the others.
 */
export async function sweepUp(ctx: ServiceContext): Promise<Swept[]> {
  const swept: Swept[] = [];
  for (const { run, ended, settled } of await indexedRuns(ctx)) {
    if (ended && settled) continue;
    const problem = await advanceRun(ctx, run).then(() => undefined, messageOf);
    swept.push({ run, problem });
  }
  return swept;
}
