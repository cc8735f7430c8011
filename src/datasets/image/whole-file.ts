import { DatasetError } from '../../errors.ts';
import { fileKind } from '../../numeric/file-kinds.ts';

/**
 * What is wrong with a file of an image, as far as its bytes tell without being decoded: hours into a run is too late to learn that a
 * download was cut off. No JPEG, PNG or WebP that decodes is refused.
 */
const DAMAGES: readonly (readonly [has: (bytes: Uint8Array) => boolean, what: string])[] = [
  [(bytes) => bytes.length === 0, 'is empty'],
  [(bytes) => fileKind(bytes) === 'git-lfs', 'is a Git LFS pointer, no image; run `git lfs pull` where it comes from'],
  [isText, 'is a text, no image'],
  [
    (bytes) => isJpeg(bytes) && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(JPEG_END) < 0,
    'is cut off',
  ],
  [(bytes) => startsWith(bytes, PNG) && isCutPng(bytes), 'is cut off'],
  [(bytes) => startsWith(bytes, 'RIFF') && viewOf(bytes).getUint32(4, true) + 8 > bytes.length, 'is cut off'],
];

const PNG = '\x89PNG\r\n\x1a\n';
const JPEG_END = Uint8Array.of(0xff, 0xd9);
/** A chunk's length, type and checksum. */
const CHUNK_BYTES = 12;
const IDAT = 0x49444154;
const TEXT_HEAD = 512;

/**
 * Images of other kinds, whatever their name says. The decoder reads some of them, but not as PIL does: depths, orientations, transparency
 * and lossy frames come out otherwise, and nothing would fail.
 */
const OTHER_IMAGES: readonly (readonly [start: RegExp, kind: string])[] = [
  [/^GIF8/, 'a GIF'],
  [/^(?:II[*+]\0|MM\0[*+])/, 'a TIFF'],
  [/^BM.{4}\0\0\0\0/s, 'a BMP'],
  [/^.{4}ftypavi[fs]/s, 'an AVIF'],
  [/^.{4}ftyp(?:hei|hev|mif1|msf1)/s, 'a HEIC'],
  [/^(?:\xff\x4f\xff\x51|.{4}jP {2})/s, 'a JPEG 2000'],
  [/^(?:\xff\n|.{4}JXL )/s, 'a JPEG XL'],
  [/^P[1-7]\s/, 'a PPM'],
  [/^(?:\xef\xbb\xbf)?\s*<(?:.*<)?svg\b/is, 'an SVG'],
];

/** Throws DatasetError where a file is surely no whole JPEG, PNG or WebP image; `where` names it. */
export function requireWholeImage(bytes: Uint8Array, where: string): void {
  const damage = DAMAGES.find(([has]) => has(bytes))?.[1];
  if (damage !== undefined) throw new DatasetError(`${where}: ${damage}; get it again, or leave it out`);
  if (isJpeg(bytes) || startsWith(bytes, PNG) || startsWith(bytes, 'RIFF')) return;
  const head = Buffer.from(bytes.subarray(0, TEXT_HEAD)).toString('latin1');
  const other = OTHER_IMAGES.find(([start]) => start.test(head))?.[1];
  throw new DatasetError(
    other === undefined
      ? `${where}: is no readable JPEG, PNG or WebP image; get it again, or leave it out`
      : `${where}: is ${other} by its content, which is not read here; convert it to PNG`,
  );
}

function startsWith(bytes: Uint8Array, magic: string): boolean {
  return bytes.length >= 12 && Array.from(magic).every((letter, i) => bytes[i] === letter.charCodeAt(0));
}

function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8;
}

/** A web page, say; an SVG and a PPM of letters are images, of another kind. */
function isText(bytes: Uint8Array): boolean {
  const head = bytes.subarray(0, TEXT_HEAD);
  const isPrintable = head.every((byte) => (byte >= 0x20 && byte < 0x7f) || (byte >= 9 && byte <= 13));
  return isPrintable && !/<svg\b|^P[1-7]\s/i.test(Buffer.from(head).toString('latin1'));
}

/** Whether a chunk ends behind the file, or none has pixels. The last one, IEND, holds nothing, and decoders do without it. */
function isCutPng(bytes: Uint8Array): boolean {
  const view = viewOf(bytes);
  let hasPixels = false;
  for (let at = PNG.length; at + CHUNK_BYTES <= bytes.length; ) {
    const end = at + CHUNK_BYTES + view.getUint32(at);
    if (end > bytes.length) return true;
    hasPixels ||= view.getUint32(at + 4) === IDAT;
    at = end;
  }
  return !hasPixels;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
