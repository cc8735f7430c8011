import { describe, expect, it } from 'vitest';
import { isWithinThreat, ofNorm } from '../../../../src/attacks/norms/threat-model.ts';
import { overlapOf, randomSquare, squareShare, tiles } from '../../../../src/attacks/square/proposal.ts';
import { PROPOSALS } from '../../../../src/attacks/square/square.ts';
import { keyedStream } from '../../../../src/numeric/random.ts';

const SHAPE = [3, 14, 12] as const;
const [CHANNELS, HEIGHT, WIDTH] = SHAPE;
const IMAGE_SIZE = CHANNELS * HEIGHT * WIDTH;
const model = { classes: 2, imageSize: IMAGE_SIZE, imageShape: SHAPE, randomised: false };
const stream = keyedStream(['painters']);
const clean = Float32Array.from({ length: IMAGE_SIZE }, () => Math.round(stream.uniform() * 255) / 255);

describe('the places of squares', () => {
  it('are uniform, without the last row and column', () => {
    const side = 4;
    const draws = 20_000;
    const tops = new Float64Array(HEIGHT);
    const lefts = new Float64Array(WIDTH);
    for (let i = 0; i < draws; i++) {
      const { top, left } = randomSquare(stream, SHAPE, side);
      tops[top]!++;
      lefts[left]!++;
    }
    for (const [counts, places] of [
      [tops, HEIGHT - side],
      [lefts, WIDTH - side],
    ] as const) {
      const expected = draws / places;
      for (const [place, count] of counts.entries()) {
        if (place < places) expect(Math.abs(count - expected)).toBeLessThan(4 * Math.sqrt(expected));
        else expect(count).toBe(0);
      }
    }
  });

  it('are at the edge where the square is as long as the image', () => {
    expect(randomSquare(stream, [1, 12, 20], 12).top).toBe(0);
  });

  it('are tiles of a fifth in the middle of the image, to start with', () => {
    expect(tiles([3, 32, 32]).map(({ top, left }) => [top, left])).toEqual(
      [1, 7, 13, 19, 25].flatMap((top) => [1, 7, 13, 19, 25].map((left) => [top, left])),
    );
    const odd = tiles([1, 11, 23]);
    expect(odd).toHaveLength(5 * 11);
    expect(odd.every(({ top, left, height, width }) => top + height <= 11 && left + width <= 23)).toBe(true);
  });

  it('may overlap', () => {
    const square = { top: 2, left: 3, height: 4, width: 4 };
    expect(overlapOf(square, { ...square, top: 5, left: 1 })).toEqual({ top: 5, left: 3, height: 1, width: 2 });
    expect(overlapOf(square, { ...square, top: 7 }).height).toBe(0);
  });
});

describe.each([
  { norm: 'Linf', epsilon: 0.1 },
  { norm: 'L2', epsilon: 1 },
  { norm: 'L1', epsilon: 8 },
] as const)('a proposal of $norm', (threat) => {
  it('stays within the threat model, goes back exactly, and changes what it should', () => {
    const proposal = ofNorm(PROPOSALS, threat.norm, 'square')({ threat, model })({ clean, stream });
    expect(isWithinThreat(proposal.x, clean, threat)).toBe(true);
    proposal.keep();
    for (let iteration = 0; iteration < 100; iteration++) {
      expect(proposal.x).toEqual(proposal.best);
      const before = proposal.best.slice();
      const changed = proposal.propose(squareShare(iteration * 25));
      expect(changed).toBe(proposal.x.some((value, k) => value !== before[k]));
      expect(proposal.best).toEqual(before);
      expect(isWithinThreat(proposal.x, clean, threat)).toBe(true);
      if (stream.uniform() < 0.5) proposal.keep();
      else proposal.drop();
    }
  });
});

describe('a proposal of Linf', () => {
  const threat = { norm: 'Linf', epsilon: 0.1 } as const;
  const low = (k: number) => Math.max(Math.fround(clean[k]! - Math.fround(0.1)), 0);
  const high = (k: number) => Math.min(Math.fround(clean[k]! + Math.fround(0.1)), 1);

  it('begins with vertical stripes and puts a square of each channel at one end', () => {
    const proposal = ofNorm(PROPOSALS, threat.norm, 'square')({ threat, model })({ clean, stream });
    const isHigh = (x: Float32Array) => Array.from(x, (value, k) => value === Math.fround(high(k)));
    const start = isHigh(proposal.x);
    for (let k = 0; k < IMAGE_SIZE; k++) {
      if (!start[k]) expect(proposal.x[k]).toBe(Math.fround(low(k)));
      const column = Math.floor(k / (HEIGHT * WIDTH)) * HEIGHT * WIDTH + (k % WIDTH);
      expect(start[k]).toBe(start[column]);
    }
    proposal.keep();
    for (let i = 0; i < 50; i++) {
      proposal.propose(0.1);
      // 0.1 of 14 x 12 pixels: 4 x 4.
      const ends = isHigh(proposal.x);
      const changed = ends.flatMap((end, k) => (end === start[k] ? [] : [k]));
      const rows = changed.map((k) => Math.floor(k / WIDTH) % HEIGHT);
      const columns = changed.map((k) => k % WIDTH);
      expect(Math.max(0, ...rows) - Math.min(HEIGHT, ...rows)).toBeLessThan(4);
      expect(Math.max(0, ...columns) - Math.min(WIDTH, ...columns)).toBeLessThan(4);
      for (const channel of [0, 1, 2]) {
        const sides = changed.filter((k) => Math.floor(k / (HEIGHT * WIDTH)) === channel).map((k) => ends[k]);
        expect(new Set(sides).size).toBeLessThanOrEqual(1);
      }
      proposal.drop();
    }
  });
});

describe.each(['L2', 'L1'] as const)('a proposal of %s', (norm) => {
  it('uses all of epsilon while [0, 1] leaves room', () => {
    const threat = { norm, epsilon: 0.05 };
    const grey = new Float32Array(IMAGE_SIZE).fill(0.5);
    const proposal = ofNorm(PROPOSALS, norm, 'square')({ threat, model })({ clean: grey, stream });
    proposal.keep();
    for (let iteration = 0; iteration < 200; iteration++) {
      proposal.propose(squareShare(iteration * 5));
      proposal.keep();
      const offsets = Array.from(proposal.best, (value) => Math.abs(value - 0.5));
      const length = norm === 'L2' ? Math.hypot(...offsets) : offsets.reduce((sum, offset) => sum + offset, 0);
      expect(length / threat.epsilon).toBeCloseTo(1, 4);
    }
  });
});
