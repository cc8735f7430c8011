import { crc32, deflateSync } from 'node:zlib';

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
/** PNG (third edition), 11.2.1: 8 bits a sample, colour types 0 (grey) and 2 (RGB). */
const COLOUR_TYPES = { 1: 0, 3: 2 } as const;

export interface Bitmap {
  readonly width: number;
  readonly height: number;
  readonly channels: keyof typeof COLOUR_TYPES;
  /** [height, width, channels] */
  readonly pixels: Uint8Array;
}

/**
 * A bitmap as a PNG. Rows go unfiltered (filter 0): small pictures gain nothing by more, and this needs no library that a
 * Lambda's bundle lacks.
 */
export function encodePng({ width, height, channels, pixels }: Bitmap): Buffer {
  const stride = width * channels;
  const rows = Buffer.alloc(height * (stride + 1));
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, COLOUR_TYPES[channels]], 8);
  return Buffer.concat([
    Buffer.from(SIGNATURE),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}
