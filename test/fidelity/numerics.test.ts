import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NUMERICS, numericsIn, requireOwnNumerics, requireSameNumerics } from '../../src/schemas/numerics.ts';
import { type NumericsOutcomes, numericsOutcomes } from './numerics-outcomes.ts';

const FIXTURE = join(import.meta.dirname, '../fixtures/numerics/outcomes.json');
const WAY_OUT =
  'outcomes have moved: where that is meant, raise NUMERICS in src/schemas/numerics.ts, so that nothing old is taken for new, and run ' +
  '"npx tsx test/fixtures/numerics/make.ts"';

describe('the version of the numerics', () => {
  const before: NumericsOutcomes & { readonly numerics: number } = JSON.parse(readFileSync(FIXTURE, 'utf8'));

  it('is that of the outcomes that are kept', () => expect(before.numerics, WAY_OUT).toBe(NUMERICS));

  it('is raised where outcomes move: every attack on every defence, rankings as well', async () => {
    const { images, units } = await numericsOutcomes(8 / 255);
    expect(units, WAY_OUT).toEqual(before.units);
    expect(Object.keys(images)).toEqual(Object.keys(before.images));
    let compared = 0;
    for (const [variant, ends] of Object.entries(before.images)) {
      for (const [image, { prediction, broken, robust }] of ends.entries()) {
        const now = images[variant]![image]!;
        expect(now.prediction, WAY_OUT).toBe(prediction);
        expect(now.broken, WAY_OUT).toEqual(expect.arrayContaining([...broken]));
        expect(now.robust, WAY_OUT).toEqual(expect.arrayContaining([...robust]));
        compared += broken.length + robust.length;
      }
    }
    // Of 3 variants, 8 images and 13 attacks, nearly all.
    expect(compared).toBeGreaterThan(250);
  });

  it('is no part of an address of before there was one, and of every later one', () => {
    expect([numericsIn(1), numericsIn(2)]).toEqual([{}, { numerics: 2 }]);
  });

  it('is the same in a run, its plan and its results, or the run is refused', () => {
    expect(() => requireOwnNumerics({}, 1)).not.toThrow();
    expect(() => requireOwnNumerics({ numerics: 2 }, 2)).not.toThrow();
    expect(() => requireOwnNumerics({}, 2)).toThrow(
      'the run was planned for numerics 1, and this igd computes numerics 2',
    );
    expect(() => requireSameNumerics({}, { numerics: 1 }, 'shard 0')).not.toThrow();
    expect(() => requireSameNumerics({ numerics: 1 }, { numerics: 2 }, 'shard 0')).toThrow(
      'shard 0 was computed with numerics 2, its plan is of numerics 1: a report does not mix them',
    );
  });
});
