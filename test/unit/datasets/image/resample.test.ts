import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { centerCrop, decodeRgb, preprocess } from '../../../../src/datasets/image/decode.ts';
import { readNpz } from '../../../../src/datasets/npz.ts';
import { type ByteImage, type FilterName, resample } from '../../../../src/numeric/resample.ts';
import type { Tensor } from '../../../../src/numeric/tensor.ts';
import { PREPROCESSINGS } from '../../../../src/schemas/config.ts';
import { IMAGES } from './support.ts';

const FILTERS = ['bilinear', 'bicubic'] as const;
let expected: Map<string, Tensor>;
let photo: ByteImage;

beforeAll(async () => {
  expected = await readNpz(join(IMAGES, 'expected.npz'));
  photo = await picture('photo.png');
});

function picture(name: string): Promise<ByteImage> {
  return decodeRgb(readFileSync(join(IMAGES, 'pictures', name)), name);
}

/** Largest difference from an array of expected.npz, whose shape must be the image's. */
function difference({ data, width, height }: ByteImage, name: string): number {
  const tensor = expected.get(name);
  if (tensor?.type !== 'uint8') throw new Error(`expected.npz has no bytes ${name}`);
  expect(tensor.dims).toEqual([height, width, 3]);
  return data.reduce((most, byte, i) => Math.max(most, Math.abs(byte - (tensor.data[i] ?? Number.NaN))), 0);
}

describe("PIL's convert('RGB')", () => {
  it.each(['photo.png', 'grey.png', 'grey-alpha.png', 'alpha.png', 'palette.png', 'bilevel.png', 'photo.webp'])(
    '%s, equal',
    async (name) => {
      expect(difference(await picture(name), `${name}.rgb`)).toBe(0);
    },
  );

  // Equal with sharp 0.35; versions of libjpeg may round a colour differently by a level, and PIL's is another than sharp's.
  it.each(['rotated.jpg', 'grey.jpg', 'cmyk.jpg'])('%s, within a level', async (name) => {
    expect(difference(await picture(name), `${name}.rgb`)).toBeLessThanOrEqual(1);
  });
});

describe("PIL's resize", () => {
  const cases = FILTERS.flatMap((filter) =>
    ['31x20', '17x90', '120x67', '75x50', '75x13', '1x1'].map((size) => [filter, size] as const),
  );
  it.each([...cases, ['bicubic', '200x150'] as const])('%s to %s, bit for bit', (filter, size) => {
    const [width = 0, height = 0] = size.split('x').map(Number);
    expect(difference(resample(photo, width, height, filter), `resized.${filter}.${size}`)).toBe(0);
  });
});

describe("torchvision's preprocessing", () => {
  const cases = ['photo.png', 'tall.png', 'large'].flatMap((name) =>
    PREPROCESSINGS.filter((how) => how !== 'none').map((how) => [name, how] as const),
  );
  it.each(cases)('%s, %s, bit for bit', async (name, how) => {
    const image = name === 'large' ? resample(photo, 413, 295, 'bicubic') : await picture(name);
    expect(difference(everySeventh(preprocess(image, how)), `${name}.${how}`)).toBe(0);
  });

  it('none leaves an image as it is', () => {
    expect(preprocess(photo, 'none')).toBe(photo);
  });

  it('pads an odd difference with more zeros on the right and below', () => {
    const dot = { data: Uint8Array.of(9), width: 1, height: 1, channels: 1 };
    expect(Array.from(centerCrop(dot, 4).data)).toEqual([0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  });
});

/** What make.py keeps of a preprocessed image. */
function everySeventh({ data, width, height }: ByteImage): ByteImage {
  const [columns, rows] = [Math.ceil(width / 7), Math.ceil(height / 7)];
  const kept = Uint8Array.from({ length: rows * columns * 3 }, (_, i) => {
    const [pixel, channel] = [Math.floor(i / 3), i % 3];
    const [x, y] = [(pixel % columns) * 7, Math.floor(pixel / columns) * 7];
    return data[(y * width + x) * 3 + channel] ?? 0;
  });
  return { data: kept, width: columns, height: rows, channels: 3 };
}

describe('properties', () => {
  const side = fc.integer({ min: 1, max: 12 });
  const filter = fc.constantFrom<FilterName>(...FILTERS);

  it('a constant image stays constant', () => {
    fc.assert(
      fc.property(side, side, side, side, fc.nat(255), filter, (width, height, toWidth, toHeight, value, name) => {
        const image = { width, height, channels: 1, data: new Uint8Array(width * height).fill(value) };
        expect(new Set(resample(image, toWidth, toHeight, name).data)).toEqual(new Set([value]));
      }),
      { seed: 5 },
    );
  });

  it('the same size is the same image', () => {
    for (const name of FILTERS)
      expect(resample(photo, 75, 50, name)).toEqual({ ...photo, data: Uint8Array.from(photo.data) });
  });

  it('a box is that part of the whole', () => {
    fc.assert(
      fc.property(fc.nat(30), fc.nat(40), side, side, filter, (left, top, width, height, name) => {
        const whole = resample(photo, 43, 61, name);
        const part = resample(photo, 43, 61, name, { left, top, width, height });
        const same = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
          const [pixel, channel] = [Math.floor(i / 3), i % 3];
          const [x, y] = [left + (pixel % width), top + Math.floor(pixel / width)];
          return whole.data[(y * 43 + x) * 3 + channel] ?? 0;
        });
        expect(part.data).toEqual(same);
      }),
      { seed: 6 },
    );
  });
});
