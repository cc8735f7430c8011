import { GraphError } from '../../errors.ts';

/** Takes one of a number of options, by index; the preferred one is 0. */
export type Choose = (options: number) => number;

/** A hostile graph could make the search long; a transformer of twelve blocks needs ten attempts. */
const ATTEMPTS = 1000;

/**
 * Runs `attempt` until it succeeds, with other choices each time it throws GraphError: the last choice that has an
 * alternative is changed first. Where nothing works, throws the error of the attempt that came furthest.
 */
export function firstWorking<T>(attempt: (choose: Choose) => T): T {
  const taken: { option: number; readonly options: number }[] = [];
  let furthest = { depth: -1, error: new GraphError('there is nothing to try') };
  for (let count = 0; count < ATTEMPTS; count++) {
    let depth = 0;
    try {
      return attempt((options) => {
        taken[depth] ??= { option: 0, options };
        return taken[depth++]!.option;
      });
    } catch (error) {
      if (!(error instanceof GraphError)) throw error;
      if (depth > furthest.depth) furthest = { depth, error };
    }
    if (!advance(taken)) break;
  }
  throw furthest.error;
}

/** The next choices in order; false where these were the last. */
function advance(taken: { option: number; readonly options: number }[]): boolean {
  for (let last = taken.pop(); last !== undefined; last = taken.pop()) {
    if (last.option + 1 < last.options) return taken.push({ ...last, option: last.option + 1 }) > 0;
  }
  return false;
}
