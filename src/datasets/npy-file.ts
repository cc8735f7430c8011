import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { DatasetError } from '../errors.ts';
import { fileKind } from '../numeric/file-kinds.ts';
import { NPY_HEAD, type NpyRows, npyRows } from '../numeric/npy.ts';
import type { Note } from '../schemas/notes.ts';
import { FileMemory, stampOf } from '../stores/file-memory.ts';
import { checkLabels, copyPixels, type Dataset, type DatasetFacts, datasetReading, imagesToTake } from './dataset.ts';
import { fileError } from './files.ts';
import { imagesOf } from './npy-images.ts';
import type { ImageRange } from './severity.ts';

/** Read at once to look at every image. */
const CHUNK = 64 * 2 ** 20;

/** Where the bytes of a .npy lie: in a file of its own, or in an .npz that has not compressed it. */
export interface NpyLocation {
  readonly path: string;
  /** Names it in errors. */
  readonly where: string;
  /** Its first byte in the file, and how many there are. */
  readonly start: number;
  readonly size: number;
  /** The checksum that an .npz keeps of it. */
  readonly crc32?: number;
}

/** A .npy of images that stays in its file. */
export interface LargeNpy {
  readonly location: NpyLocation;
  readonly count: number;
  readonly imageShape: Dataset['imageShape'];
  /** `start` counts from the first byte of the .npy. */
  readonly rows: NpyRows;
  readonly notes: readonly Note[];
  /** Of the file when its images were looked at. */
  readonly stamp: string;
}

/** What was found: a look takes a pass over the file, and planning a run opens it several times. */
const known = new FileMemory<LargeNpy | undefined>();

/**
 * Opens a .npy of images where it lies, and looks at all of them, some at a time. undefined for what is no .npy, and for Fortran's
 * order. Throws DatasetError, or InputError where it is damaged.
 */
export function openLargeNpy(location: NpyLocation): Promise<LargeNpy | undefined> {
  const { path, where, start, size } = location;
  return known.get([path, start, size].join('\0'), path, () =>
    reading(path, async (file) => {
      const stamp = stampOf(await file.stat({ bigint: true }));
      const head = await bytesAt(file, location, 0, Math.min(size, NPY_HEAD));
      const rows = fileKind(head) === 'npy' ? npyRows(head, size, where) : undefined;
      if (rows === undefined || rows.bytesPerRow === 0) return undefined;
      const [count = 0] = rows.shape;
      const looked = await lookAtImages(file, location, rows);
      await requireStamp(file, stamp, location);
      return looked && { location, count, rows, stamp, ...looked };
    }),
  );
}

/** undefined where there are none. Throws DatasetError where one is no image, or the bytes are not those of the checksum. */
async function lookAtImages(
  file: FileHandle,
  location: NpyLocation,
  rows: NpyRows,
): Promise<Pick<LargeNpy, 'imageShape' | 'notes'> | undefined> {
  const { where } = location;
  const [count = 0] = rows.shape;
  const look = (bytes: Uint8Array, first: number, last: number) =>
    imagesOf(rows.decode(bytes), `${where} (images ${first} to ${last})`);
  // Every byte is a pixel: of bytes there is nothing to see but the checksum, and the shape in the first of them.
  const last = rows.isBytes && location.crc32 === undefined ? 1 : count;
  const atOnce = Math.max(1, Math.floor(CHUNK / rows.bytesPerRow));
  let sum = crc32(await bytesAt(file, location, 0, rows.start));
  let imageShape: Dataset['imageShape'] | undefined;
  let notes: readonly Note[] = [];
  for (let first = 0; first < last; first += atOnce) {
    const taken = Math.min(atOnce, last - first);
    const bytes = await rowsAt(file, location, rows, first, taken);
    // Before the look, which clips what a rounding error put outside [0, 1] in place.
    sum = crc32(bytes, sum);
    if (rows.isBytes && first > 0) continue;
    const found = look(bytes, first, first + taken - 1);
    imageShape = found.imageShape;
    // One says it for all.
    if (notes.length === 0) notes = found.notes ?? [];
  }
  if (location.crc32 === undefined || location.crc32 === sum) return imageShape && { imageShape, notes };
  throw new DatasetError(`${where}: its checksum is wrong; get the file again`);
}

/**
 * The first `limit` images of a range of them, whose labels `facts` has; each is read when it is asked for. Asking for one of a file
 * that was written to since throws DatasetError.
 */
export function imagesInFile(
  { location, imageShape, rows, stamp }: LargeNpy,
  range: ImageRange,
  facts: Omit<DatasetFacts, 'imageShape'>,
  limit: number | undefined,
): Dataset {
  const { path, where } = location;
  const labels = facts.labels.slice(0, imagesToTake(range.count, limit, path));
  checkLabels(labels, facts.classes, path);
  const size = imageShape.reduce((product, dim) => product * dim, 1);
  const read = <T>(work: (rowsFrom: (first: number, count: number) => Promise<Uint8Array>) => Promise<T>) =>
    reading(path, async (file) => {
      const found = await work((first, count) => rowsAt(file, location, rows, range.first + first, count));
      await requireStamp(file, stamp, location);
      return found;
    });
  const stored = (first: number, count: number) => read((rowsFrom) => rowsFrom(first, count));
  const known = { ...facts, imageShape, labels, ...(rows.isBytes && { stored }) };
  return datasetReading(known, (indices, images) =>
    read(async (rowsFrom) => {
      for (const { place, first, count } of runsOf(indices)) {
        const tensor = rows.decode(await rowsFrom(first, count));
        const { pixels } = imagesOf(tensor, `${where} (${count} from image ${range.first + first})`);
        copyPixels(pixels, images.subarray(place * size, (place + count) * size));
      }
    }),
  );
}

/** Images that lie one after the other, and are asked for so, from `place` on: they are read together. */
function runsOf(indices: readonly number[]): { place: number; first: number; count: number }[] {
  const runs: { place: number; first: number; count: number }[] = [];
  for (const [place, index] of indices.entries()) {
    const run = runs.at(-1);
    if (run !== undefined && index === run.first + run.count) run.count += 1;
    else runs.push({ place, first: index, count: 1 });
  }
  return runs;
}

async function requireStamp(file: FileHandle, stamp: string, { path }: NpyLocation): Promise<void> {
  if (stampOf(await file.stat({ bigint: true })) === stamp) return;
  throw new DatasetError(
    `${path}: was written to, or replaced, since it was opened: images of two files would be counted as one; ` +
      'leave it alone until this is through, and start again',
  );
}

async function reading<T>(path: string, read: (file: FileHandle) => Promise<T>): Promise<T> {
  await using file = await open(path).catch((cause: unknown) => {
    throw fileError(path, cause);
  });
  return await read(file);
}

function rowsAt(file: FileHandle, location: NpyLocation, { start, bytesPerRow }: NpyRows, first: number, rows: number) {
  return bytesAt(file, location, start + first * bytesPerRow, rows * bytesPerRow);
}

/** `position` counts from the first byte of the .npy. */
async function bytesAt(file: FileHandle, { path, start }: NpyLocation, position: number, length: number) {
  const bytes = new Uint8Array(length);
  for (let read = 0; read < length; ) {
    const { bytesRead } = await file.read(bytes, read, length - read, start + position + read);
    if (bytesRead === 0) throw new DatasetError(`${path}: became shorter while it was read; try again`);
    read += bytesRead;
  }
  return bytes;
}
