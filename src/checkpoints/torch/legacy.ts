import { CheckpointError } from '../../errors.ts';
import { DTYPES } from '../dtypes.ts';
import { quote } from '../messages.ts';
import { Cursor, TruncatedPickle } from '../pickle/cursor.ts';
import { unpickle } from '../pickle/unpickle.ts';
import { type Call, type CallTable, isKind, type PickleValue, type StorageRef } from '../pickle/values.ts';
import type { ByteSource, MemoryBudget } from '../source.ts';
import { torchHost } from './references.ts';
import {
  LARGEST_PICKLE,
  MOST_STORAGES,
  missingStorage,
  type ReadStorage,
  type TorchFile,
  tooManyStorages,
} from './tensors.ts';

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL_VERSION = 1001;

/** The pickles come first and their length is told nowhere: read this much, and more where that ends too early. */
const FIRST_WINDOW = 2 ** 20;

/** A storage's element count comes before its elements, as an int64. */
const LENGTH_BYTES = 8;

interface Pickles {
  readonly root: PickleValue;
  /** Every storage the object refers to, by key. */
  readonly storages: ReadonlyMap<string, StorageRef>;
  /** Storage keys in file order. */
  readonly keys: readonly string[];
  /** Bytes from the start of the file to the first storage. */
  readonly end: number;
  /** The elements of storages that lie inside the pickle itself, by key. */
  readonly inline: InlineStorages;
}

interface Extent {
  readonly offset: number;
  readonly byteLength: number;
}

/**
 * PyTorch's format before 1.6: the pickles of a magic number, a version, the machine's type sizes, the object and its
 * storage keys, then the storages one after the other, always little endian. Throws CheckpointError.
 */
export async function openTorchLegacy(source: ByteSource, budget: MemoryBudget): Promise<TorchFile> {
  const pickles = await readPickles(source);
  const extents = await locateStorages(source, pickles);
  const readStorage: ReadStorage = async ({ storage: { key } }, name) => {
    const inline = pickles.inline.get(key);
    if (inline !== undefined) return inline;
    const extent = extents.get(key);
    if (extent === undefined) throw missingStorage(name, key);
    budget.charge(extent.byteLength, `storage ${quote(key)}`);
    return source.read(extent.offset, extent.byteLength);
  };
  const notes = pickles.inline.size > 0 ? ['the file was written by pickle.dump, not by torch.save'] : [];
  return { root: pickles.root, readStorage, notes: () => notes };
}

async function readPickles(source: ByteSource): Promise<Pickles> {
  for (let window = FIRST_WINDOW; ; window *= 8) {
    const bytes = await source.read(0, Math.min(window, source.size));
    const inline: InlineStorages = new Map();
    try {
      return parsePickles(bytes, inline);
    } catch (error) {
      const more = bytes.length < source.size && (window < LARGEST_PICKLE || inline.size > 0);
      if (!(error instanceof TruncatedPickle && more)) throw error;
    }
  }
}

/** Bytes copied for a unit of work: an opcode that asks for megabytes again and again is not free. */
const COPIED_PER_UNIT = 1024;

/** The bytes of storages, copied: elements are read as they lie in memory, and pickles align nothing. */
type InlineStorages = Map<string, Uint8Array>;

/**
 * How pickle.dump writes a storage: _load_from_bytes(bytes), the bytes being a file of this same format that holds the
 * storage alone (torch/storage.py, UntypedStorage.__reduce__).
 */
function inlineCalls(inline: InlineStorages): CallTable {
  return new Map<string, Call>([
    [
      'torch.storage._load_from_bytes',
      ([bytes], charge) => {
        if (!(bytes instanceof Uint8Array)) return undefined;
        charge(bytes.length / COPIED_PER_UNIT);
        const { root, end } = parsePickles(bytes);
        if (!isKind(root, 'storage')) return undefined;
        const start = end + LENGTH_BYTES;
        const key = `inline ${inline.size}`;
        inline.set(key, new Uint8Array(bytes.subarray(start, start + byteLengthOf(root))));
        return { ...root, key };
      },
    ],
    // Protocols before 3 have no bytes: they are text, to be encoded.
    [
      '_codecs.encode',
      ([text, encoding], charge) => {
        if (typeof text !== 'string' || encoding !== 'latin1') return undefined;
        charge(text.length / COPIED_PER_UNIT);
        return new Uint8Array(Buffer.from(text, 'latin1'));
      },
    ],
  ]);
}

function byteLengthOf({ length, dtype }: StorageRef): number {
  return length * (DTYPES.get(dtype)?.itemSize ?? 1);
}

/** `inline`, where given, takes the storages of a plain pickle, which has no magic number. */
function parsePickles(bytes: Uint8Array, inline?: InlineStorages): Pickles {
  const storages = new Map<string, StorageRef>();
  const cursor = new Cursor(bytes);
  const calls = inline === undefined ? undefined : inlineCalls(inline);
  const next = () => unpickle(cursor, torchHost(storages, calls));
  const first = next();
  if (inline !== undefined && inline.size > 0 && first !== MAGIC)
    return { root: first, storages, keys: [], end: bytes.length, inline };
  if (first !== MAGIC) {
    throw new CheckpointError(
      'is a pickle, but not one torch.save wrote: in Python, torch.save(model.state_dict(), ...)',
    );
  }
  if (next() !== PROTOCOL_VERSION) {
    throw new CheckpointError('is of an unknown version of the torch.save format: save it with a newer PyTorch');
  }
  next(); // sys_info: the sizes of C types where it was written; storages do not depend on them.
  const root = next();
  const keys = storageKeys(next());
  return { root, storages, keys, end: cursor.position, inline: new Map() };
}

function storageKeys(value: PickleValue): readonly string[] {
  if (!isKind(value, 'list')) throw damagedKeys();
  return value.items.map((key) => {
    if (typeof key !== 'string') throw damagedKeys();
    return key;
  });
}

function damagedKeys(): CheckpointError {
  return new CheckpointError('has no list of storages after its pickle: the file is damaged; fetch it again');
}

/** Walks from storage to storage by the length in front of each. */
async function locateStorages(source: ByteSource, { storages, keys, end }: Pickles): Promise<Map<string, Extent>> {
  if (keys.length > MOST_STORAGES) throw tooManyStorages(keys.length);
  const extents = new Map<string, Extent>();
  let position = end;
  for (const key of keys) {
    const storage = storages.get(key);
    if (storage === undefined || extents.has(key)) throw damagedKeys();
    const length = Buffer.from(await source.read(position, LENGTH_BYTES)).readBigInt64LE();
    if (length !== BigInt(storage.length)) {
      throw new CheckpointError(
        `storage ${quote(key)} has ${length} elements, not ${storage.length}: the file is damaged`,
      );
    }
    const byteLength = byteLengthOf(storage);
    extents.set(key, { offset: position + LENGTH_BYTES, byteLength });
    position += LENGTH_BYTES + byteLength;
  }
  if (position <= source.size) return extents;
  throw new CheckpointError(`is cut short at ${source.size} of ${position} bytes: fetch it again`);
}
