import { GraphError } from '../../contracts/errors.ts';

/** Takes one of a number of options, by index; the preferred one is 0. */
export type Choose = (options: number) => number;

/** A hostile graph could make the search long; real ones need a few attempts per ambiguous node. */
const ATTEMPTS = 1000;

/**
 * Runs `attempt` until it succeeds, with other choices each time it throws GraphError: the last choice that has an
 * alternative is changed first. Throws the error of the first attempt, where everything was as preferred.
 */
export function firstWorking<T>(attempt: (choose: Choose) => T): T {
  const taken: { option: number; options: number }[] = [];
  let failure: unknown;
  for (let count = 0; count < ATTEMPTS; count++) {
    let depth = 0;
    try {
      return attempt((options) => {
        taken[depth] ??= { option: 0, options };
        return taken[depth++]!.option;
      });
    } catch (error) {
      if (!(error instanceof GraphError)) throw error;
      failure ??= error;
    }
    while (taken.length > 0 && taken.at(-1)!.option + 1 >= taken.at(-1)!.options) taken.pop();
    if (taken.length === 0) break;
    taken.at(-1)!.option += 1;
  }
  throw failure;
}
