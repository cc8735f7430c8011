import { CheckpointError } from '../../contracts/errors.ts';
import type { MemoryBudget } from '../budget.ts';
import { DTYPES } from '../dtypes.ts';
import { quote, quoteSome } from '../messages.ts';
import { Cursor } from '../pickle/cursor.ts';
import { unpickle } from '../pickle/index.ts';
import type { ByteSource } from '../source.ts';
import { type Archive, openArchive } from './archive.ts';
import { LARGEST_PICKLE, missingStorage, type ReadStorage, type TorchFile } from './file.ts';
import { torchHost } from './references.ts';

/**
 * PyTorch's format since 1.6: a zip archive with `<root>/data.pkl`, `<root>/data/<key>` for each storage, and
 * `<root>/byteorder`. TorchScript has the same records, and beside them a program that nothing here looks at. Reads the
 * pickle; storages follow on demand. Throws CheckpointError.
 */
export async function openTorchZip(source: ByteSource, budget: MemoryBudget): Promise<TorchFile> {
  const archive = await openArchive(source, budget);
  const root = findRoot(archive);
  const pickle = await archive.read(`${root}data.pkl`, LARGEST_PICKLE);
  const value = unpickle(new Cursor(pickle), torchHost(new Map()));
  const bigEndian = await isBigEndian(archive, root);
  const readStorage: ReadStorage = async ({ storage, dtype }, name) => {
    if (storage.length === 0) return new Uint8Array(0);
    const record = `${root}data/${storage.key}`;
    if (!archive.has(record)) throw missingStorage(name, record);
    const bytes = await archive.read(record);
    if (bigEndian) swapBytes(bytes, dtype);
    return bytes;
  };
  return { root: value, readStorage, notes: () => damageNotes(archive) };
}

/** The folder of `data.pkl` inside the archive, with its slash; '' at the top. */
function findRoot({ names }: Archive): string {
  const pickles = names.filter((name) => /^([^/]+\/)?data\.pkl$/.test(name));
  if (pickles.length === 1) return pickles[0]!.slice(0, -'data.pkl'.length);
  if (pickles.length > 1) throw new CheckpointError(`holds several checkpoints, ${quoteSome(pickles, 3)}: unpack it`);
  throw new CheckpointError(
    `is a zip archive, but no PyTorch checkpoint: it holds ${quoteSome(names, 3) || 'nothing'}, no data.pkl`,
  );
}

async function isBigEndian(archive: Archive, root: string): Promise<boolean> {
  const name = `${root}byteorder`;
  if (!archive.has(name)) return false;
  const order = Buffer.from(await archive.read(name)).toString('latin1');
  if (order === 'little' || order === 'big') return order === 'big';
  throw new CheckpointError(`has the byte order ${quote(order)}: the file is damaged`);
}

/** By the bytes of an element. */
const SWAPS: ReadonlyMap<number, (buffer: Buffer) => Buffer> = new Map([
  [2, (buffer) => buffer.swap16()],
  [4, (buffer) => buffer.swap32()],
  [8, (buffer) => buffer.swap64()],
]);

/** Turns elements written on a big-endian machine around, in place; a torn last element is left. */
function swapBytes({ buffer, byteOffset, byteLength }: Uint8Array, dtype: string): void {
  const itemSize = DTYPES.get(dtype)?.itemSize ?? 1;
  SWAPS.get(itemSize)?.(Buffer.from(buffer, byteOffset, byteLength - (byteLength % itemSize)));
}

/** PyTorch can be told not to compute checksums, so a wrong one is no proof of damage. */
function damageNotes({ mismatches }: Archive): readonly string[] {
  if (mismatches.length === 0) return [];
  return [
    `${mismatches.length} records do not match their CRC-32 (${quoteSome(mismatches, 3)}): the file may be damaged`,
  ];
}
