import { DatasetError } from '../contracts/errors.ts';
import { CIFAR_IMAGE_BYTES, type CifarBatch, type CifarEncoding, type CifarLayout } from './cifar-layout.ts';
import { namesIn } from './class-names.ts';
import type { Split } from './spec.ts';

/** Label bytes before the pixels of a record: CIFAR-100 gives the coarse class, then the fine one. */
const LABEL_BYTES: Readonly<Record<CifarLayout['format'], number>> = { cifar10: 1, cifar100: 2 };

/** The binary version: records of the label bytes (the last is the one to use) and the pixels, with nothing between. */
export function binaryEncoding(
  format: CifarLayout['format'],
  members: Readonly<Record<Split, readonly string[]>>,
  namesMember: string,
): CifarEncoding {
  return {
    members,
    namesMember,
    readBatch: (bytes, where) => readRecords(bytes, format, where),
    readNames: (bytes) => namesIn(bytes),
  };
}

function readRecords(bytes: Uint8Array, format: CifarLayout['format'], where: string): CifarBatch {
  const record = recordBytes(format);
  const count = Math.floor(bytes.length / record);
  if (count * record !== bytes.length) throw sizeError(bytes.length, format, where);
  const labels = new Uint8Array(count);
  const pixels = new Uint8Array(count * CIFAR_IMAGE_BYTES);
  for (let i = 0; i < count; i++) {
    const image = (i + 1) * record - CIFAR_IMAGE_BYTES;
    labels[i] = bytes[image - 1]!;
    pixels.set(bytes.subarray(image, image + CIFAR_IMAGE_BYTES), i * CIFAR_IMAGE_BYTES);
  }
  return { labels, pixels };
}

function recordBytes(format: CifarLayout['format']): number {
  return LABEL_BYTES[format] + CIFAR_IMAGE_BYTES;
}

function sizeError(size: number, format: CifarLayout['format'], where: string): DatasetError {
  const record = recordBytes(format);
  const other = format === 'cifar10' ? 'cifar100' : 'cifar10';
  const cause =
    size % recordBytes(other) === 0
      ? `it would fit the format "${other}" (${recordBytes(other)} bytes a record)`
      : 'it was probably cut off while it was copied or downloaded; get it again';
  return new DatasetError(
    `${where}: ${size} bytes are ${Math.floor(size / record)} records of ${record} bytes (${format}) and ${size % record} more: ${cause}`,
  );
}
