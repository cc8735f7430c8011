import { DatasetError } from '../../errors.ts';
import { fileKind } from '../../numeric/file-kinds.ts';

/**
 * What is wrong with a file of an image, as far as its bytes tell without being decoded: hours into a run is too late to learn that a
 * download was cut off. What decodes is never refused.
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
const TEXT_HEAD = 64;

/** Throws DatasetError where a file is surely no whole image; `where` names it. */
export function requireWholeImage(bytes: Uint8Array, where: string): void {
  const damage = DAMAGES.find(([has]) => has(bytes))?.[1];
  if (damage !== undefined) throw new DatasetError(`${where}: ${damage}; get it again, or leave it out`);
}

function startsWith(bytes: Uint8Array, magic: string): boolean {
  return bytes.length >= 12 && Array.from(magic).every((letter, i) => bytes[i] === letter.charCodeAt(0));
}

function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8;
}

/** A web page, say; an SVG is an image, whatever it is called. */
function isText(bytes: Uint8Array): boolean {
  const head = bytes.subarray(0, TEXT_HEAD);
  const isPrintable = head.every((byte) => (byte >= 0x20 && byte < 0x7f) || (byte >= 9 && byte <= 13));
  return isPrintable && !/<(svg|\?xml)/i.test(Buffer.from(head).toString('latin1'));
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
