import type { Round } from './search.ts';

export interface RoundOptions {
  /** Runs from new starts, for each target where there are targets. */
  readonly restarts: number;
  /** Wrong classes aimed at in turn, by falling clean logit; the model's number of them at most. Left out: no target. */
  readonly targets?: number;
}

/** Targets in the outer loop and restarts in the inner one, as in fra31/auto-attack. */
export function roundsOf({ restarts, targets }: RoundOptions, classes: number): Round[] {
  const runs = Array.from({ length: restarts }, (_, restart) => ({ restart }));
  if (targets === undefined) return runs;
  const ranks = Math.min(targets, classes - 1);
  return Array.from({ length: ranks }, (_, rank) => runs.map((run) => ({ ...run, rank }))).flat();
}
