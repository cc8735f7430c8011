import { DatasetError } from '../../errors.ts';

interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * Width and height of a JPEG, PNG or WebP from its header, as it is stored: orientation tags are left alone. Needs no native code,
 * which the service's functions have not. Throws DatasetError; `where` names the file.
 */
export function imageSize(bytes: Uint8Array, where: string): Size {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const [signature, read] of READERS)
    if (signature.every((byte, index) => byte === undefined || bytes[index] === byte)) {
      const size = within(() => read(view));
      if (size !== undefined && size.width > 0 && size.height > 0) return size;
    }
  throw new DatasetError(
    `${where}: is no readable JPEG, PNG or WebP image (it has no size); get it again, or leave it out`,
  );
}

/** How a format starts (undefined: any byte), and where its header has the size. */
const READERS: readonly (readonly [readonly (number | undefined)[], (view: DataView) => Size | undefined])[] = [
  [[0xff, 0xd8, 0xff], jpegSize],
  // https://www.w3.org/TR/png-3/#11IHDR
  [[0x89, 0x50, 0x4e, 0x47], (view) => ({ width: view.getUint32(16), height: view.getUint32(20) })],
  [[...ascii('RIFF'), ...Array<undefined>(4).fill(undefined), ...ascii('WEBP')], webpSize],
];

function ascii(text: string): number[] {
  return [...text].map((letter) => letter.charCodeAt(0));
}

/** What a header that is cut off says: nothing. */
function within(read: () => Size | undefined): Size | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Markers without a length: TEM and RST0-7. Start of frame is C0 to CF but for DHT, JPG and DAC. https://www.w3.org/Graphics/JPEG/itu-t81.pdf B.1 */
const ALONE = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
const STARTS_FRAME = (marker: number) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/** Segments follow each other until the frame's, whose header has height and width; 0xff may be repeated before a marker. */
function jpegSize(view: DataView): Size | undefined {
  for (let at = 2; view.getUint8(at) === 0xff; ) {
    const marker = view.getUint8(at + 1);
    if (STARTS_FRAME(marker)) return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    if (marker === 0xff) at += 1;
    else at += ALONE(marker) ? 2 : 2 + view.getUint16(at + 2);
  }
  return undefined;
}

/** https://developers.google.com/speed/webp/docs/riff_container: the first chunk is one of three kinds. */
function webpSize(view: DataView): Size | undefined {
  const kind = String.fromCharCode(...[12, 13, 14, 15].map((at) => view.getUint8(at)));
  const twoBytes = (at: number) => view.getUint16(at, true) & 0x3fff;
  if (kind === 'VP8 ') return { width: twoBytes(26), height: twoBytes(28) };
  if (kind === 'VP8L') {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  const threeBytes = (at: number) => view.getUint16(at, true) + (view.getUint8(at + 2) << 16) + 1;
  return kind === 'VP8X' ? { width: threeBytes(24), height: threeBytes(27) } : undefined;
}
