import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FAB_NORMS } from '../../../../src/attacks/fab/fab.ts';
import { ofNorm } from '../../../../src/attacks/norms/threat-model.ts';
import { keyedStream, type RandomStream } from '../../../../src/numeric/random.ts';
import { sortedProjection } from './sorted-projection.ts';

const NORMS = ['Linf', 'L2', 'L1'] as const;
type Norm = (typeof NORMS)[number];

/** What the original gives in float32: see make-projections.py beside the fixture. */
interface Case {
  readonly norm: Norm;
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly b: number;
  readonly move: readonly number[];
}
const cases: readonly Case[] = JSON.parse(
  readFileSync(new URL('../../../fixtures/attacks/projections.json', import.meta.url), 'utf8'),
);

const LENGTHS: Readonly<Record<Norm, (move: Float64Array) => number>> = {
  Linf: (move) => move.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0),
  L2: (move) => Math.sqrt(move.reduce((sum, value) => sum + value * value, 0)),
  L1: (move) => move.reduce((sum, value) => sum + Math.abs(value), 0),
};

/** The projection's move and its length as the projection has it. */
function projected(norm: Norm, x: Float32Array, w: Float32Array, excess: number) {
  const projection = ofNorm(FAB_NORMS, norm, 'fab').projection(x.length);
  const move = new Float64Array(x.length);
  projection.setNormal(w);
  return { move, length: projection.move(x, excess, move) };
}

describe.each(NORMS)('the projection in %s', (norm) => {
  it('is the one that sorts, for any weights, zeros, ties, huge ranges, points on the box and planes that miss it', () => {
    fc.assert(
      fc.property(scenes(), ({ x, w, excess }) => {
        const { move, length } = projected(norm, x, w, excess);
        const expected = sortedProjection(norm, x, w, excess);
        const most = w.reduce((sum, value) => sum + Math.abs(value), 0);
        for (const [k, value] of expected.entries()) {
          // Where the plane all but misses the box, rounding decides how far small weights beside large ones go.
          const tolerance = w[k] === 0 ? 0 : Math.max(1e-9, (1e-13 * most) / Math.abs(w[k]!));
          expect(Math.abs(move[k]! - value)).toBeLessThanOrEqual(tolerance);
          expect(Math.abs(x[k]! + move[k]! - 0.5)).toBeLessThanOrEqual(0.5 + 1e-15);
        }
        expect(Math.abs(length - LENGTHS[norm](move))).toBeLessThanOrEqual(1e-9);
      }),
      { seed: 4, numRuns: 600 },
    );
  });

  it('is on the plane, where the plane meets the box', () => {
    fc.assert(
      fc.property(scenes(), ({ x, w, excess }) => {
        const { move } = projected(norm, x, w, excess);
        const side = excess >= 0 ? 1 : -1;
        const falls = Array.from(w, (value, k) => {
          const weight = norm === 'Linf' || Math.abs(value) > 1e-8 ? value * side : 0;
          return weight > 0 ? weight * x[k]! : -weight * (1 - x[k]!);
        });
        const most = falls.reduce((sum, fall) => sum + fall, 0);
        const fallen = -side * w.reduce((sum, value, k) => sum + value * move[k]!, 0);
        const wanted = Math.min(Math.abs(excess), most);
        expect(Math.abs(fallen - wanted)).toBeLessThanOrEqual(1e-9 * most);
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  it('moves as the original does, in float32', () => {
    const mine = cases.filter((each) => each.norm === norm);
    expect(mine.length).toBeGreaterThan(20);
    for (const [row, each] of mine.entries()) {
      const excess = each.w.reduce((sum, value, k) => sum + value * each.x[k]!, -each.b);
      const { move } = projected(norm, Float32Array.from(each.x), Float32Array.from(each.w), excess);
      const gap = Math.max(...each.move.map((value, k) => Math.abs(value - move[k]!)));
      expect(gap, `case ${row}`).toBeLessThan(5e-6);
    }
  });

  it('takes an image of 3,072 pixels, and another after it, through the same scratch', () => {
    const stream = keyedStream(['projection', norm]);
    const projection = ofNorm(FAB_NORMS, norm, 'fab').projection(3072);
    const move = new Float64Array(3072);
    for (const share of [0.001, 0.03, 0.5, 0.999, 2]) {
      const { x, w, excess } = scene(stream, 3072, share, 'normal');
      projection.setNormal(w);
      for (const at of [excess, -excess / 3]) {
        projection.move(x, at, move);
        const expected = sortedProjection(norm, x, w, at);
        expect(Math.max(...expected.map((value, k) => Math.abs(value - move[k]!)))).toBeLessThan(1e-9);
      }
    }
  });
});

const KINDS = ['normal', 'ties', 'sparse', 'huge range', 'tiny', 'zero'] as const;
type Kind = (typeof KINDS)[number];

interface Scene {
  readonly x: Float32Array;
  readonly w: Float32Array;
  readonly excess: number;
}

function scenes(): fc.Arbitrary<Scene> {
  return fc
    .record({
      seed: fc.integer(),
      size: fc.integer({ min: 1, max: 40 }),
      share: fc.oneof(fc.double({ min: -1.3, max: 1.3, noNaN: true }), fc.constantFrom(0, 1, -1, 1e-12, -1e-6)),
      kind: fc.constantFrom(...KINDS),
    })
    .map(({ seed, size, share, kind }) => scene(keyedStream(['scene', seed]), size, share, kind));
}

/** A point, some coordinates on the box or close to it, a normal, and a share of the most that w.x can fall (or rise) by. */
function scene(stream: RandomStream, size: number, share: number, kind: Kind): Scene {
  const x = Float32Array.from(
    { length: size },
    () => [0, 1, 1e-6, stream.uniform(), stream.uniform()][stream.integer(5)]!,
  );
  const w = Float32Array.from({ length: size }, () => WEIGHTS[kind](stream));
  const side = share >= 0 ? 1 : -1;
  const most = w.reduce((sum, value, k) => sum + Math.abs(value) * (value * side > 0 ? x[k]! : 1 - x[k]!), 0);
  return { x, w, excess: share * (kind === 'zero' ? 1 : most) };
}

const WEIGHTS: Readonly<Record<Kind, (stream: RandomStream) => number>> = {
  normal: (stream) => stream.normal(),
  ties: (stream) => [-1, 1, 0.5, -0.5][stream.integer(4)]!,
  sparse: (stream) => (stream.integer(4) === 0 ? stream.normal() : 0),
  'huge range': (stream) => stream.normal() * 10 ** (60 * stream.uniform() - 30),
  tiny: (stream) => stream.normal() * 3e-8,
  zero: () => 0,
};
