import { describe, expect, it } from 'vitest';
import * as format from '../../../src/report/format.ts';

describe('numbers for people', () => {
  it.each([
    [format.percent(0.41371), '41.4%'],
    [format.percent(0), '0.0%'],
    [format.percent(1), '100.0%'],
    [format.interval([0.3712, 0.45766]), '[37.1, 45.8]'],
    [format.shareText({ accuracy: 0.5, interval: [0.25, 0.75] }), '50.0% [25.0, 75.0]'],
    [format.points(0.125), '+12.5'],
    [format.points(-0.125), '−12.5'],
    [format.points(0), '0.0'],
    [format.points(-0.0001), '0.0'],
    [format.points(0.0001), '0.0'],
    [format.pValue(0.0312), 'p = 0.031'],
    [format.pValue(1), 'p = 1.000'],
    [format.pValue(1e-89), 'p < 0.001'],
    [format.count(1234567), '1,234,567'],
    [format.counted(1, 'image'), '1 image'],
    [format.counted(0, 'image'), '0 images'],
    [format.counted(5000, 'image'), '5,000 images'],
    [format.duration(0), '0.0 s'],
    [format.duration(59.94), '59.9 s'],
    [format.duration(723.4), '12 min 3 s'],
    [format.duration(12_000), '3 h 20 min'],
    [format.list([]), ''],
    [format.list(['a']), 'a'],
    [format.list(['a', 'b']), 'a and b'],
    [format.list(['a', 'b', 'c']), 'a, b and c'],
  ])('%s', (text, expected) => {
    expect(text).toBe(expected);
  });

  it.each([
    [8 / 255, '8/255'],
    [4.5 / 255, '4.5/255'],
    [0.5, '0.5'],
    [1, '1'],
    [0.03, '0.03'],
    [1 / 3, '85/255'],
    [1 / 7, '0.1429'],
  ])('a radius of %f', (epsilon, expected) => {
    expect(format.radius(epsilon)).toBe(expected);
  });
});
