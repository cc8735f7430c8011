import fc from 'fast-check';
import { expect, it } from 'vitest';
import { orderStatistic } from '../../../../src/attacks/norms/l1.ts';

it('is what sorting puts there, equal numbers and zeros included', () => {
  const value = fc.oneof(fc.constantFrom(0, 1, 2), fc.float({ noNaN: true, noDefaultInfinity: true }));
  const values = fc.array(value, { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(values, fc.nat(), (numbers, place) => {
      const index = place % numbers.length;
      const expected = Float32Array.from(numbers).sort()[index]!;
      // -0 and 0 are equal, in whatever order.
      expect(orderStatistic(Float32Array.from(numbers), index) + 0).toBe(expected + 0);
    }),
    { seed: 1, numRuns: 1000 },
  );
});
