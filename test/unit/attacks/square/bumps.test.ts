import { describe, expect, it } from 'vitest';
import { bumpsOf, L1_BUMPS, L2_BUMPS, lengthOf, powerOf } from '../../../../src/attacks/square/bumps.ts';

const UPRIGHT = { uniform: () => 0.2, integer: () => 0, normal: () => 0 };
const TURNED = { ...UPRIGHT, uniform: () => 0.8 };

describe.each([
  { norm: 'L2', rules: L2_BUMPS },
  { norm: 'L1', rules: L1_BUMPS },
] as const)('bumps of $norm', ({ norm, rules }) => {
  it.each([1, 2, 3, 5, 8, 21])('of side %d have norm 1', (side) => {
    const sum = bumpsOf(rules)(side, UPRIGHT).reduce((total, value) => total + powerOf(value, rules.p), 0);
    expect(lengthOf(sum, rules.p)).toBeCloseTo(1, 12);
  });

  it('are those of the original', () => {
    for (const [side, rows] of ORIGINAL[norm]) expect(rounded(bumpsOf(rules)(side, UPRIGHT))).toEqual(rows.flat());
  });

  it('may be turned, the hill to the left', () => {
    const bumps = bumpsOf(rules);
    const upright = bumps(5, UPRIGHT);
    const turned = bumps(5, TURNED);
    for (let row = 0; row < 5; row++)
      for (let column = 0; column < 5; column++) expect(turned[column * 5 + row]).toBe(upright[row * 5 + column]);
  });
});

/** `eta` of `square.py`, to six places. */
const ORIGINAL = {
  L2: [
    [
      3,
      [
        [0.136083, 0.680414, 0.136083],
        [-0.129099, -0.129099, -0.129099],
        [-0.129099, -0.645497, -0.129099],
      ],
    ],
    [
      5,
      [
        [0.049162, 0.159777, 0.159777, 0.159777, 0.049162],
        [0.049162, 0.159777, 0.602237, 0.159777, 0.049162],
        [-0.04559, -0.148168, -0.148168, -0.148168, -0.04559],
        [-0.04559, -0.148168, -0.558479, -0.148168, -0.04559],
        [-0.04559, -0.148168, -0.148168, -0.148168, -0.04559],
      ],
    ],
  ],
  L1: [
    [
      3,
      [
        [0.026316, 0.447368, 0.026316],
        [-0.022727, -0.022727, -0.022727],
        [-0.022727, -0.386364, -0.022727],
      ],
    ],
    [
      5,
      [
        [0.004119, 0.024974, 0.024974, 0.024974, 0.004119],
        [0.004119, 0.024974, 0.358651, 0.024974, 0.004119],
        [-0.003532, -0.021413, -0.021413, -0.021413, -0.003532],
        [-0.003532, -0.021413, -0.307506, -0.021413, -0.003532],
        [-0.003532, -0.021413, -0.021413, -0.021413, -0.003532],
      ],
    ],
  ],
} as const;

function rounded(values: Float64Array): number[] {
  return Array.from(values, (value) => Math.round(value * 1e6) / 1e6);
}
