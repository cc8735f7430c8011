import { describe, expect, it } from 'vitest';
import { keyedStream } from '../../../src/numeric/random.ts';

function draws(count: number, draw: () => number): number[] {
  return Array.from({ length: count }, draw);
}

function moments(values: readonly number[]): { mean: number; variance: number; kurtosis: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const power = (p: number) => values.reduce((sum, value) => sum + (value - mean) ** p, 0) / values.length;
  return { mean, variance: power(2), kurtosis: power(4) / power(2) ** 2 };
}

describe('streamOf', () => {
  it('gives equal streams for equal keys, and others for others', () => {
    const first = (...key: (string | number)[]) => keyedStream(key).uniform();
    expect(first(0, 'a', 1)).toBe(first(0, 'a', 1));
    const keys = [[0], [1], [0, 0], ['0'], [0, 'a'], ['a', 0], [0, 'a', 1], [0, 'a1'], ['0,a']];
    expect(new Set(keys.map((key) => first(...key))).size).toBe(keys.length);
  });

  it('does not change between versions: runs must be repeatable', () => {
    const stream = keyedStream([0, 'apgd-ce', 7]);
    expect([stream.uniform(), stream.normal(), stream.integer(10)]).toMatchInlineSnapshot(`
      [
        0.33710999647155404,
        -0.15674199341603298,
        3,
      ]
    `);
  });
});

describe('draws', () => {
  const count = 100_000;

  it('uniform fill [0, 1) evenly', () => {
    const stream = keyedStream(['uniform']);
    const values = draws(count, () => stream.uniform());
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    const { mean, variance, kurtosis } = moments(values);
    expect(mean).toBeCloseTo(1 / 2, 2);
    expect(variance).toBeCloseTo(1 / 12, 2);
    expect(kurtosis).toBeCloseTo(9 / 5, 1);
  });

  it('normal have mean 0, variance 1, kurtosis 3, and no tie between neighbours', () => {
    const stream = keyedStream(['normal']);
    const values = draws(count, () => stream.normal());
    const { mean, variance, kurtosis } = moments(values);
    expect(Math.abs(mean)).toBeLessThan(0.02);
    expect(variance).toBeCloseTo(1, 1);
    expect(Math.abs(kurtosis - 3)).toBeLessThan(0.1);
    const neighbours = values.slice(1).reduce((sum, value, k) => sum + value * values[k]!, 0) / count;
    expect(Math.abs(neighbours)).toBeLessThan(0.02);
  });

  it('integer hit every number below the bound about equally often', () => {
    const stream = keyedStream(['integer']);
    const counts = new Array<number>(7).fill(0);
    for (const value of draws(70_000, () => stream.integer(7))) counts[value]! += 1;
    for (const hits of counts) expect(Math.abs(hits - 10_000)).toBeLessThan(400);
  });

  it('of streams with neighbouring keys do not resemble each other', () => {
    const firsts = Array.from({ length: 10_000 }, (_, image) => keyedStream([0, image]).uniform());
    const { mean, variance } = moments(firsts);
    expect(mean).toBeCloseTo(1 / 2, 1);
    expect(variance).toBeCloseTo(1 / 12, 2);
    const neighbours =
      firsts.slice(1).reduce((sum, value, k) => sum + (value - mean) * (firsts[k]! - mean), 0) / 10_000;
    expect(Math.abs(neighbours)).toBeLessThan(0.005);
  });
});
