import type { Attack } from '../attack.ts';
import { attackOf } from '../drive.ts';
import { roundsOf } from '../rounds.ts';
import { PAINTERS } from './painters.ts';
import { type SavedSquare, SquareSearch } from './search.ts';

export interface SquareOptions {
  /** How results name the attack. */
  readonly name: string;
  /** Proposals of one run; the starting point is asked about besides. */
  readonly queries: number;
  /** Runs from new starts, for the images still robust. */
  readonly restarts: number;
}

/**
 * Square Attack (arXiv:1912.00049, `square.py` of fra31/auto-attack with AutoAttack's settings: margin loss, squares by
 * iteration and not by budget): random search with localised changes, which asks for nothing but logits.
 */
export function square({ name, queries, restarts }: SquareOptions): Attack {
  return attackOf<SavedSquare>({
    name,
    roundCost: () => ({ forwards: queries + 1, gradients: 0 }),
    rounds: (classes) => roundsOf({ restarts }, classes),
    enter(arena) {
      const painter = PAINTERS[arena.threat.norm](arena);
      const { randomised } = arena.model;
      return ({ clean, label, stream }, _round, saved) =>
        new SquareSearch({ label, queries, randomised }, painter({ clean, stream, saved }), saved);
    },
  });
}
