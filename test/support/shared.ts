import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, test } from 'vitest';

const REFERENCE = resolve(import.meta.dirname, '../../../shared/reference');

/** Folder of the reference data beside the checkout, or undefined where this machine has none. */
function sharedReference(): string | undefined {
  return existsSync(REFERENCE) ? REFERENCE : undefined;
}

/** A describe block on the reference data (its folder is passed on); without the data it is skipped, and says so. */
export function describeWithShared(name: string, tests: (reference: string) => void): void {
  const reference = sharedReference();
  if (reference !== undefined) {
    describe(name, () => tests(reference));
    return;
  }
  console.info(`skipped "${name}": there is no reference data at ${REFERENCE}`);
  // The body reads the data already while tests are collected, so it is not entered.
  describe.skipIf(true)(name, () => test('needs the reference data', () => {}));
}
