import { describe, expect, it } from 'vitest';
import type { Ball } from '../../../src/attacks/norms/ball.ts';
import { ballFactory, distance } from '../../../src/attacks/norms/threat-model.ts';
import { keyedStream, type RandomStream } from '../../../src/numeric/random.ts';

const SIZE = 300;
const round = Math.fround;

function row(fill: () => number): Float32Array {
  return Float32Array.from({ length: SIZE }, fill);
}

/** An image with pixels at and near the ends of [0, 1]. */
function image(stream: RandomStream): Float32Array {
  return row(() => [0, 1, stream.uniform(), stream.uniform() * 0.05, 1 - stream.uniform() * 0.05][stream.integer(5)]!);
}

describe('L-infinity', () => {
  const epsilon = 8 / 255;
  const ball = (clean: Float32Array): Ball => ballFactory({ norm: 'Linf', epsilon }, SIZE, 'apgd')(clean);

  it('starts 2 epsilon at a step', () => {
    expect(ball(row(() => 0)).firstStep).toBe(round(2 * epsilon));
  });

  it('steps as the formula says with branches and float32 rounding, bit for bit', () => {
    const stream = keyedStream(['linf steps']);
    for (let trial = 0; trial < 50; trial++) {
      const clean = image(stream);
      const inBall = () => clean.map((value) => clipped(value + (2 * stream.uniform() - 1) * epsilon, value, epsilon));
      const [x, previous] = [inBall(), inBall()];
      const gradient = row(() => (stream.integer(4) === 0 ? -0 : stream.normal() * 10 ** -stream.integer(45)));
      const size = round(2 * epsilon) / 2 ** stream.integer(8);
      const momentum = trial % 2 === 0 ? 1 : 0.75;
      const expected = x.map((here, k) => {
        const plain = clipped(here + size * Math.sign(gradient[k]!), clean[k]!, epsilon);
        const ahead = round(here + round(round(plain - here) * momentum));
        return clipped(round(ahead + round(round(here - previous[k]!) * (1 - momentum))), clean[k]!, epsilon);
      });
      const before = x.slice();
      ball(clean).step(x, previous, gradient, size, momentum);
      expect(x).toEqual(expected);
      expect(previous).toEqual(before);
    }
  });

  it('starts at random in the cube, one coordinate on its face, cut to [0, 1]', () => {
    const stream = keyedStream(['linf starts']);
    const grey = row(() => 0.5);
    const start = new Float32Array(SIZE);
    ball(grey).randomStart(start, stream);
    expect(distance(start, grey, 'Linf')).toBeCloseTo(epsilon, 7);
    const offsets = start.map((value) => (value - 0.5) / epsilon).sort();
    expect(offsets[SIZE / 4]).toBeCloseTo(-0.5, 0);
    expect(offsets[SIZE / 2]).toBeCloseTo(0, 0);
    expect(offsets[(3 * SIZE) / 4]).toBeCloseTo(0.5, 0);

    const black = row(() => 0);
    ball(black).randomStart(start, stream);
    expect(start.filter((value) => value === 0).length).toBeGreaterThan(SIZE / 3);
    expect(Math.min(...start)).toBe(0);
  });
});

function clipped(value: number, clean: number, epsilon: number): number {
  const inCube = Math.min(Math.max(round(value), round(clean - round(epsilon))), round(clean + round(epsilon)));
  return Math.min(Math.max(inCube, 0), 1);
}

describe('L2', () => {
  const epsilon = 0.5;
  const ball = (clean: Float32Array): Ball => ballFactory({ norm: 'L2', epsilon }, SIZE, 'apgd')(clean);
  const grey = row(() => 0.5);

  it('steps along the gradient by the step size, whatever its length', () => {
    const stream = keyedStream(['l2 step']);
    for (const scale of [1e-12, 1, 1e12]) {
      const gradient = row(() => stream.normal() * scale);
      const x = grey.slice();
      ball(grey).step(x, grey.slice(), gradient, 0.25, 1);
      const length = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0));
      const share = length / (length + 1e-12);
      expect(distance(x, grey, 'L2')).toBeCloseTo(0.25 * share, 6);
      expect(x[7]! - 0.5).toBeCloseTo((gradient[7]! / length) * 0.25 * share, 6);
    }
  });

  it('ends on the sphere where a step leads out of it, and within [0, 1]', () => {
    const stream = keyedStream(['l2 sphere']);
    const clean = image(stream);
    const x = grey.slice();
    ball(grey).step(
      x,
      grey.slice(),
      row(() => stream.normal()),
      1,
      1,
    );
    expect(distance(x, grey, 'L2')).toBeCloseTo(epsilon, 6);
    const edge = clean.slice();
    ball(clean).step(
      edge,
      clean.slice(),
      row(() => stream.normal()),
      1,
      1,
    );
    expect(distance(edge, clean, 'L2')).toBeLessThan(epsilon);
    expect(edge.every((value) => value >= 0 && value <= 1)).toBe(true);
  });

  it('mixes in a quarter of the last move', () => {
    const along = (k: number) => Float32Array.from({ length: SIZE }, (_, j) => (j === k ? 1 : 0));
    const previous = grey.map((value, k) => (k === 1 ? value - 0.08 : value));
    const x = grey.slice();
    ball(grey).step(x, previous, along(0), 0.1, 0.75);
    expect(x[0]! - 0.5).toBeCloseTo(0.075, 6);
    expect(x[1]! - 0.5).toBeCloseTo(0.02, 6);
    expect(previous).toEqual(grey);
  });

  it('does not move along a zero gradient', () => {
    const x = grey.slice();
    ball(grey).step(x, grey.slice(), new Float32Array(SIZE), 1, 1);
    expect(x).toEqual(grey);
  });

  it('starts at random on the sphere', () => {
    const start = new Float32Array(SIZE);
    ball(grey).randomStart(start, keyedStream(['l2 start']));
    expect(distance(start, grey, 'L2')).toBeCloseTo(epsilon, 6);
  });
});
