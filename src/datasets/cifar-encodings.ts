import { Cursor } from '../checkpoints/pickle/cursor.ts';
import { unpickle } from '../checkpoints/pickle/unpickle.ts';
import { isKind, type PickleValue, type PyDict, qualifiedName } from '../checkpoints/pickle/values.ts';
import { DatasetError, InputError } from '../errors.ts';
import { fileKind } from '../numeric/file-kinds.ts';
import { namesIn } from './archive-members.ts';
import type { Split } from './dataset.ts';
import { notImages } from './other-kinds.ts';

/** Every CIFAR image, in every encoding: the red plane, the green, the blue, each 32 rows of 32 bytes. */
export const CIFAR_IMAGE_SHAPE = [3, 32, 32] as const;
const CIFAR_IMAGE_BYTES = 3 * 32 * 32;

/** Images of one file: a label each, and their bytes [labels.length, 3, 32, 32]. */
export interface CifarBatch {
  readonly labels: ArrayLike<number>;
  readonly pixels: Uint8Array;
}

/** One of the two forms CIFAR is published in. The readers throw DatasetError; `where` names the file in it. */
export interface CifarEncoding {
  /** The files that make up a split, in order. */
  readonly members: Readonly<Record<Split, readonly string[]>>;
  /** The file that names the classes. */
  readonly namesMember: string;
  readBatch(bytes: Uint8Array, where: string): CifarBatch;
  readNames(bytes: Uint8Array, where: string): readonly string[];
}

/** What is particular to CIFAR-10 or CIFAR-100, https://www.cs.toronto.edu/~kriz/cifar.html */
export interface CifarLayout {
  /** The name `igd fetch` knows it by, too. */
  readonly format: 'cifar10' | 'cifar100';
  readonly classes: number;
  readonly classNames?: readonly string[];
  readonly binary: CifarEncoding;
  readonly python: CifarEncoding;
}

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
  if (count * record !== bytes.length) throw sizeError(bytes, format, where);
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

function sizeError(bytes: Uint8Array, format: CifarLayout['format'], where: string): DatasetError {
  const size = bytes.length;
  const record = recordBytes(format);
  const other = format === 'cifar10' ? 'cifar100' : 'cifar10';
  const fitsOther = size % recordBytes(other) === 0;
  const kind = fileKind(bytes);
  if (!fitsOther && kind !== 'other') return notImages(where, kind);
  const cause = fitsOther
    ? `it would fit the format "${other}" (${recordBytes(other)} bytes a record)`
    : 'it was cut off while it was copied or downloaded, and has to be got again, or is of another format';
  return new DatasetError(
    `${where}: ${size} bytes are ${Math.floor(size / record)} records of ${record} bytes (${format}) and ${size % record} more: ${cause}`,
  );
}

/** What CIFAR-10 and CIFAR-100 name differently: the file of the class names, and the keys of labels and names. */
interface PythonNames {
  readonly member: string;
  readonly labelsKey: string;
  readonly namesKey: string;
}

/**
 * The python version: each file is a dict pickled by Python 2, with `data`, a numpy array of uint8 [N, 3072], and a list
 * of labels. igd's own unpickler reads it, which calls nothing that a pickle asks for.
 */
export function pythonEncoding(members: Readonly<Record<Split, readonly string[]>>, names: PythonNames): CifarEncoding {
  return {
    members,
    namesMember: names.member,
    readBatch: (bytes, where) => batchOf(dictIn(bytes, where), names.labelsKey, where),
    readNames: (bytes, where) => namesOf(dictIn(bytes, where), names.namesKey, where),
  };
}

function dictIn(bytes: Uint8Array, where: string): PyDict {
  const kind = fileKind(bytes);
  if (kind !== 'pickle' && kind !== 'other') throw notImages(where, kind);
  const root = read(bytes, where);
  if (isKind(root, 'dict')) return root;
  throw new DatasetError(
    `${where}: is a pickle, but not of a dict as in CIFAR's python version; is it the right file?`,
  );
}

function read(bytes: Uint8Array, where: string): PickleValue {
  try {
    return unpickle(new Cursor(bytes), { calls: new Map(), persistentLoad: () => null });
  } catch (cause) {
    throw cause instanceof InputError ? new DatasetError(`${where}: ${cause.message}`, { cause }) : cause;
  }
}

function batchOf(dict: PyDict, labelsKey: string, where: string): CifarBatch {
  const pixels = byteMatrixOf(entryOf(dict, 'data'), CIFAR_IMAGE_BYTES);
  if (pixels === undefined) {
    const keys = [...dict.entries.keys()].map(textOf).join(', ');
    throw new DatasetError(
      `${where}: has no "data" that is an array of uint8 [N, ${CIFAR_IMAGE_BYTES}]; its keys are ${keys}; get it again`,
    );
  }
  const labels = entryOf(dict, labelsKey);
  const count = pixels.length / CIFAR_IMAGE_BYTES;
  if (isKind(labels, 'list') && labels.items.length === count && labels.items.every(Number.isInteger)) {
    return { labels: labels.items.map(Number), pixels };
  }
  throw new DatasetError(`${where}: has no list of ${count} labels named "${labelsKey}"; is the format right?`);
}

function namesOf(dict: PyDict, key: string, where: string): readonly string[] {
  const list = entryOf(dict, key);
  const names = isKind(list, 'list') ? list.items.map(textOf) : [];
  if (names.length > 0 && names.every((name) => name !== undefined)) return names;
  throw new DatasetError(`${where}: has no list of class names named "${key}"; get it again`);
}

// Reads Python objects out of what the unpickler recorded about them. Each returns undefined where the value is
// something else.

/** Python 2's str is text and bytes alike: the unpickler gives it as latin1 text, one character a byte. */
function bytesOf(value: PickleValue | undefined): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return Buffer.from(value, 'latin1');
  // How Python 3 writes bytes for Python 2 to read.
  const encoded = isKind(value, 'placeholder') && qualifiedName(value) === '_codecs.encode' ? value.args[0] : undefined;
  return typeof encoded === 'string' ? Buffer.from(encoded, 'latin1') : undefined;
}

/** Text, whether Python took it for text or for bytes. */
function textOf(value: PickleValue | undefined): string | undefined {
  if (typeof value === 'string') return value;
  const bytes = bytesOf(value);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1');
}

/** The value of a text key. */
function entryOf(dict: PyDict, name: string): PickleValue | undefined {
  for (const [key, value] of dict.entries) if (textOf(key) === name) return value;
  return undefined;
}

const RECONSTRUCT = new Set(['numpy.core.multiarray._reconstruct', 'numpy._core.multiarray._reconstruct']);

/**
 * A numpy array of uint8 [rows, columns] as bytes in row-major order. numpy pickles it as
 * `_reconstruct(...).__setstate__((version, shape, dtype, is_fortran, data))`.
 */
function byteMatrixOf(value: PickleValue | undefined, columns: number): Uint8Array | undefined {
  if (!isKind(value, 'placeholder') || !RECONSTRUCT.has(qualifiedName(value))) return undefined;
  if (!isKind(value.state, 'tuple')) return undefined;
  const [, shape, dtype, isFortran, data] = value.state.items;
  const bytes = bytesOf(data);
  if (!isBytes(dtype) || bytes === undefined || !isKind(shape, 'tuple')) return undefined;
  const [rows, width] = shape.items;
  if (shape.items.length !== 2 || typeof rows !== 'number' || width !== columns) return undefined;
  if (bytes.length !== rows * columns) return undefined;
  return isFortran === true || isFortran === 1 ? transposed(bytes, columns, rows) : bytes;
}

function isBytes(dtype: PickleValue | undefined): boolean {
  return isKind(dtype, 'placeholder') && qualifiedName(dtype) === 'numpy.dtype' && textOf(dtype.args[0]) === 'u1';
}

function transposed(bytes: Uint8Array, rows: number, columns: number): Uint8Array {
  const result = new Uint8Array(bytes.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = bytes[row * columns + column]!;
  }
  return result;
}
