import { ConfigError } from '../../contracts/errors.ts';
import type { Attack } from '../attack.ts';
import { attackOf } from '../drive.ts';
import { RaysSearch, type SavedRays } from './search.ts';

export interface RaysOptions {
  /** How results name the attack. */
  readonly name: string;
  /** Evaluations after which no other direction is tried. */
  readonly queries: number;
}

/**
 * RayS (arXiv:2006.12792, uclaml/RayS): a search for the direction, among those to the corners of the cube, in which the
 * decision boundary is nearest. It asks for nothing but predicted classes and has no randomness of its own.
 */
export function rays({ name, queries }: RaysOptions): Attack {
  return attackOf<SavedRays>({
    name,
    roundCost: () => ({ forwards: queries, gradients: 0 }),
    rounds: () => [{ restart: 0 }],
    enter({ threat }) {
      if (threat.norm !== 'Linf')
        throw new ConfigError(`${name} is an attack for the Linf norm, not for ${threat.norm}: leave it out`);
      return (subject, _round, saved) => new RaysSearch({ ...subject, epsilon: threat.epsilon, queries }, saved);
    },
  });
}
