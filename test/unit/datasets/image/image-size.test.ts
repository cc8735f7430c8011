import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { imageSize } from '../../../../src/datasets/image/image-size.ts';

const SIZE = { width: 300, height: 17 };
const blank = (channels: 3 | 4 = 3) => sharp({ create: { ...SIZE, channels, background: '#888' } });
const exif = { IFD0: { Copyright: 'x'.repeat(300) } };

const IMAGES: [string, () => Promise<Uint8Array>][] = [
  ['JPEG', () => blank().jpeg().toBuffer()],
  ['a progressive JPEG', () => blank().jpeg({ progressive: true }).toBuffer()],
  ['a JPEG with EXIF and a profile', () => blank().withExif(exif).withIccProfile('srgb').jpeg().toBuffer()],
  ['a JPEG that is to be turned', () => blank().withMetadata({ orientation: 6 }).jpeg().toBuffer()],
  ['a grey JPEG', () => blank().greyscale().jpeg().toBuffer()],
  ['PNG', () => blank(4).png().toBuffer()],
  ['lossy WebP', () => blank().webp().toBuffer()],
  ['lossless WebP', () => blank().webp({ lossless: true }).toBuffer()],
  ['WebP with alpha and EXIF', () => blank(4).withExif(exif).webp().toBuffer()],
];

describe('the size in an image header', () => {
  test.each(IMAGES)('of %s is what sharp decodes', async (_, make) => {
    const bytes = await make();
    const { info } = await sharp(bytes).toBuffer({ resolveWithObject: true });
    expect(imageSize(bytes, 'x')).toEqual({ width: info.width, height: info.height });
    expect(imageSize(bytes, 'x')).toEqual(SIZE);
  });

  test('is asked of what has one alone', async () => {
    expect(() => imageSize(new Uint8Array(12), 'a.jpg')).toThrow(/^a\.jpg: is no readable JPEG, PNG or WebP image/);
    for (const cut of [3, 12, 20])
      for (const [, make] of IMAGES) {
        const bytes = await make();
        expect(() => imageSize(bytes.subarray(0, cut), 'a.jpg')).toThrow(/is no readable/);
      }
  });
});
