import { describe, test } from 'vitest';
import { hasRequirement, REFERENCE } from './require.ts';

/** A describe block on the reference data (its folder is passed on); without the data it is skipped, and says so. */
export function describeWithShared(name: string, tests: (reference: string) => void): void {
  if (hasRequirement('reference')) {
    describe(name, () => tests(REFERENCE));
    return;
  }
  // The body reads the data already while tests are collected, so it is not entered.
  describe.skipIf(true)(name, () => test('needs the reference data', () => {}));
}
