import { Cursor } from '../checkpoints/pickle/cursor.ts';
import { unpickle } from '../checkpoints/pickle/unpickle.ts';
import { isKind, type PickleValue, type PyDict } from '../checkpoints/pickle/values.ts';
import { DatasetError, InputError } from '../errors.ts';
import { fileKind } from '../numeric/file-kinds.ts';
import type { Tensor } from '../numeric/tensor.ts';
import { namesIn } from './archive-members.ts';
import { LARGEST_LABEL, type Split } from './dataset.ts';
import { channelsFirst } from './npy-images.ts';
import { notImages } from './other-kinds.ts';
import { entryOf, pickledArray, pickledIntegers, textOf } from './pickled-arrays.ts';

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
    readNames: namesIn,
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
 * of labels; or by any other Python, with images [N, 3, 32, 32] or [N, 32, 32, 3] and labels in an array. igd's own unpickler
 * reads it, which calls nothing that a pickle asks for.
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

/** The 50,000 labels, twice, and file names of CIFAR-100 take 3 million in protocol 0, where each name is a call. */
const WORK_LIMIT = 8_000_000;

function read(bytes: Uint8Array, where: string): PickleValue {
  const host = { calls: new Map(), persistentLoad: () => null, workLimit: WORK_LIMIT };
  return damageAt(where, () => unpickle(new Cursor(bytes), host));
}

/** Errors of what the file holds are of the data set, and name it. */
function damageAt<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    const message = cause.message.startsWith(where) ? cause.message : `${where}: ${cause.message}`;
    throw new DatasetError(message, { cause });
  }
}

function batchOf(dict: PyDict, labelsKey: string, where: string): CifarBatch {
  const array = damageAt(where, () => pickledArray(entryOf(dict, 'data'), `${where}: "data"`));
  const pixels = array && pixelsOf(array);
  if (pixels === undefined) {
    const found = array === undefined ? '' : `, but one of ${array.type} [${array.dims.join(', ')}]`;
    throw new DatasetError(
      `${where}: has no "data" that is an array of uint8 [N, ${CIFAR_IMAGE_BYTES}], [N, 3, 32, 32] or [N, 32, 32, 3]${found}; ` +
        `its keys are ${keysOf(dict)}; get it again, or pickle it as that`,
    );
  }
  const count = pixels.length / CIFAR_IMAGE_BYTES;
  const labels = damageAt(where, () => pickledIntegers(entryOf(dict, labelsKey), `${where}: "${labelsKey}"`));
  const isLabel = (label: number) => Math.abs(label) <= LARGEST_LABEL;
  if (labels?.length === count && labels.every(isLabel)) return { labels, pixels };
  throw new DatasetError(
    `${where}: has no list of ${count} labels named "${labelsKey}"${labels === undefined ? '' : `, but one of ${labels.length} or of other numbers`}; ` +
      `its keys are ${keysOf(dict)}; is the format right? Else pickle {"data": x, "${labelsKey}": [int(label) for label in y]}`,
  );
}

function keysOf(dict: PyDict): string {
  return [...dict.entries.keys()].map(textOf).join(', ') || 'none';
}

/** Planes of each image: flat as CIFAR's are, as they are, or made from channels that come last. */
function pixelsOf({ type, dims, data }: Tensor): Uint8Array | undefined {
  if (type !== 'uint8') return undefined;
  const [count = 0, ...image] = dims;
  const shape = image.join();
  if (shape === String(CIFAR_IMAGE_BYTES) || shape === CIFAR_IMAGE_SHAPE.join()) return data;
  return shape === '32,32,3' ? channelsFirst(data, count, 32 * 32, 3) : undefined;
}

function namesOf(dict: PyDict, key: string, where: string): readonly string[] {
  const list = entryOf(dict, key);
  const names = isKind(list, 'list') ? list.items.map(textOf) : [];
  if (names.length > 0 && names.every((name) => name !== undefined)) return names;
  throw new DatasetError(`${where}: has no list of class names named "${key}"; get it again`);
}
