import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { preprocess, resizedSquare } from '../../../../src/models/clip/preprocess.ts';
import { decodeNpy } from '../../../../src/numeric/npy.ts';
import { golden } from '../../../support/golden.ts';

const fixture = (name: string) => resolve(import.meta.dirname, '../../../fixtures/clip', name);

function bytes(name: string): { dims: readonly number[]; data: Uint8Array } {
  const tensor = decodeNpy(readFileSync(fixture(name)), name);
  if (tensor.type !== 'uint8') throw new Error(`${name} is ${tensor.type}`);
  return tensor;
}

describe("CLIP's preprocessing", () => {
  test.each(['32x32', '29x41', '50x20', '16x16'])('of an image of %s equals PIL byte for byte', (name) => {
    const { dims, data } = bytes(`resize.${name}.in.npy`);
    const expected = bytes(`resize.${name}.out.npy`);
    const [, height = 0, width = 0] = dims;
    const resolution = expected.dims[1] ?? 0;
    const channels = [0, 1, 2].map((c) =>
      resizedSquare(data.subarray(c * height * width, (c + 1) * height * width), height, width, resolution),
    );
    expect(channels.flatMap((channel) => [...channel])).toEqual([...expected.data]);
  });

  test('normalises as torchvision does', () => {
    const { dims, data } = bytes('resize.16x16.in.npy');
    const pixels = Float32Array.from(data, (byte) => byte / 255);
    const [, height = 0, width = 0] = dims;
    expect([...preprocess(pixels, [3, height, width], 16).data]).toEqual([
      ...golden(fixture('normalised.16x16.npy')).data,
    ]);
  });

  test('takes a grey image for three equal channels, and images one by one', () => {
    const grey = Float32Array.from({ length: 2 * 9 * 7 }, (_, i) => (i % 11) / 10);
    const { dims, data } = preprocess(grey, [1, 9, 7], 5);
    expect(dims).toEqual([2, 3, 5, 5]);
    const second = preprocess(grey.subarray(63), [1, 9, 7], 5);
    expect([...data.subarray(75)]).toEqual([...second.data]);
    const green = data.subarray(25, 50).map((value) => Math.round(1e4 * (value * 0.26130258 + 0.4578275)));
    expect([...data.subarray(0, 25).map((value) => Math.round(1e4 * (value * 0.26862954 + 0.48145466)))]).toEqual([
      ...green,
    ]);
  });
});
