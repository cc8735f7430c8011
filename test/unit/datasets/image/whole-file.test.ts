import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeRgb } from '../../../../src/datasets/image/decode.ts';
import { requireWholeImage } from '../../../../src/datasets/image/whole-file.ts';

const SIDE = 24;
const pixels = Buffer.from(Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (i * 89) % 251));
const image = sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } });

describe('an image that is not whole', () => {
  it.each(['png', 'jpeg', 'webp'] as const)('%s: what decodes is let pass, what is cut off is not', async (format) => {
    const bytes = new Uint8Array(await image.clone()[format]().toBuffer());
    let refused = 0;
    for (const cut of [0, 1, 2, 7, 11, 12, 13, 14, 20, 50, 200, bytes.length - 16]) {
      const part = bytes.slice(0, bytes.length - cut);
      const decodes = await decodeRgb(part, 'a').then(
        () => true,
        () => false,
      );
      const check = () => requireWholeImage(part, 'a/b.png');
      if (decodes) expect(check, `${cut} bytes less`).not.toThrow();
      else expect(check, `${cut} bytes less`).toThrow('a/b.png: is cut off; get it again, or leave it out');
      refused += decodes ? 0 : 1;
    }
    expect(refused).toBeGreaterThan(4);
  });

  it('bytes behind its end do no harm', async () => {
    for (const format of ['png', 'jpeg', 'webp'] as const) {
      const bytes = await image.clone()[format]().toBuffer();
      expect(() => requireWholeImage(Buffer.concat([bytes, Buffer.alloc(9)]), 'a')).not.toThrow();
    }
  });

  it.each([
    ['nothing', '', 'is empty'],
    ['a web page', '<!DOCTYPE html><html>', 'is a text, no image'],
    ['what S3 answers', '<?xml version="1.0"?><Error>AccessDenied</Error>', 'is a text, no image'],
    [
      'a Git LFS pointer',
      'version https://git-lfs.github.com/spec/v1\noid sha256:00\n',
      'is a Git LFS pointer, no image; run `git lfs pull`',
    ],
  ])('%s', (_, text, says) => {
    expect(() => requireWholeImage(Buffer.from(text), 'a')).toThrow(says);
  });

  it.each([
    ['<svg xmlns="http://www.w3.org/2000/svg"/>', 'an SVG'],
    ['GIF89a\x01\x00', 'a GIF'],
    ['\x00\x00\x00 ftypavif', 'an AVIF'],
    ['II*\0\b\0\0\0', 'a TIFF'],
    ['BM\x36\x10\0\0\0\0\0\0', 'a BMP'],
    ['\0\0\0\x0cjP  \r\n', 'a JPEG 2000'],
    ['P6\n3 3\n255\n\0\0', 'a PPM'],
  ])('%j is told, whatever its name says: the decoder reads some otherwise than PIL', (text, what) => {
    const check = () => requireWholeImage(Buffer.from(text, 'latin1'), 'a/b.png');
    expect(check).toThrow(`a/b.png: is ${what} by its content, which is not read here; convert it to PNG`);
  });

  it('bytes of nothing known are no image', () => {
    expect(() => requireWholeImage(Buffer.from([1, 2, 3, 4, 0x80]), 'a')).toThrow(
      'a: is no readable JPEG, PNG or WebP image',
    );
  });
});
