import { Cursor } from '../checkpoints/pickle/cursor.ts';
import { unpickle } from '../checkpoints/pickle/index.ts';
import { isKind, type PickleValue, type PyDict } from '../checkpoints/pickle/values.ts';
import { DatasetError, InputError } from '../contracts/errors.ts';
import { CIFAR_IMAGE_BYTES, type CifarBatch, type CifarEncoding } from './cifar-layout.ts';
import { byteMatrixOf, entryOf, textOf } from './pickled-values.ts';
import type { Split } from './spec.ts';

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
