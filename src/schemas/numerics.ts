import { z } from 'zod';
import { RunError } from '../errors.ts';

/**
 * Version of what igd computes: raised by hand whenever a change may move a ranking, a prediction or what becomes of an image
 * under an attack, be it by a rounding that decides. Whatever is found by its content (plans, rankings, evaluations) is addressed with it,
 * so that nothing old is taken for new, and nothing is computed anew that would be the same. `test/fidelity/numerics.test.ts`
 * fails where outcomes move without it.
 */
export const NUMERICS = 1;

/** In records; those of before there was a version are of the first. */
export const numericsSchema = z.int().positive().optional();

/** Part of what is hashed for an address: nothing for the first version, so that addresses of before it stay. */
export function numericsIn(version: number = NUMERICS): { readonly numerics?: number } {
  return version === 1 ? {} : { numerics: version };
}

interface Versioned {
  readonly numerics?: number | undefined;
}

/** Throws RunError where a plan is of other numerics than this igd computes: one run never mixes two. */
export function requireOwnNumerics({ numerics = 1 }: Versioned, own: number = NUMERICS): void {
  if (numerics === own) return;
  throw new RunError(
    `the run was planned for numerics ${numerics}, and this igd computes numerics ${own}, whose results may differ: go on with ` +
      'the igd that planned it, or plan it anew into another folder',
  );
}

/** Throws RunError where a result is of other numerics than its plan. */
export function requireSameNumerics(
  { numerics: planned = 1 }: Versioned,
  { numerics = 1 }: Versioned,
  where: string,
): void {
  if (numerics === planned) return;
  throw new RunError(
    `${where} was computed with numerics ${numerics}, its plan is of numerics ${planned}: a report does not mix them; ` +
      'delete it and run again, or plan the run anew into another folder',
  );
}
