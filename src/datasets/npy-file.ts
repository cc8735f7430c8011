import { type FileHandle, open } from 'node:fs/promises';
import { DatasetError } from '../errors.ts';
import { fileKind } from '../numeric/file-kinds.ts';
import { NPY_HEAD, type NpyRows, npyRows } from '../numeric/npy.ts';
import type { Note } from '../schemas/notes.ts';
import { checkLabels, copyPixels, type Dataset, type DatasetFacts, datasetReading, imagesToTake } from './dataset.ts';
import { fileError } from './files.ts';
import { imagesOf } from './npy-images.ts';
import type { ImageRange } from './severity.ts';

/** Read at once to look at every image. */
const CHUNK = 64 * 2 ** 20;

/** A .npy of images that stays in its file. */
export interface LargeNpy {
  readonly path: string;
  readonly count: number;
  readonly imageShape: Dataset['imageShape'];
  readonly rows: NpyRows;
  readonly notes: readonly Note[] | undefined;
}

/**
 * Opens a .npy of images of more than `wholeBytes`, and looks at all of them, some at a time. undefined for a smaller one, for what
 * is no .npy, and for Fortran's order. Throws DatasetError, or InputError where it is damaged.
 */
export async function openLargeNpy(path: string, wholeBytes: number): Promise<LargeNpy | undefined> {
  return reading(path, async (file) => {
    const { size } = await file.stat();
    if (size <= wholeBytes) return undefined;
    const head = await bytesAt(file, path, 0, Math.min(size, NPY_HEAD));
    const rows = fileKind(head) === 'npy' ? npyRows(head, size, path) : undefined;
    if (rows === undefined || rows.bytesPerRow === 0) return undefined;
    const [count = 0] = rows.shape;
    const atOnce = Math.max(1, Math.floor(CHUNK / rows.bytesPerRow));
    let imageShape: Dataset['imageShape'] | undefined;
    let notes: readonly Note[] | undefined;
    for (let first = 0; first < count; first += atOnce) {
      const last = Math.min(first + atOnce, count) - 1;
      const tensor = rows.decode(await rowsAt(file, path, rows, first, last - first + 1));
      const found = imagesOf(tensor, `${path} (images ${first} to ${last})`);
      imageShape = found.imageShape;
      // One says it for all.
      if (notes === undefined || notes.length === 0) notes = found.notes;
    }
    return imageShape && { path, count, imageShape, rows, notes };
  });
}

/** The first `limit` images of a range of them, whose labels `facts` has; each is read when it is asked for. */
export function imagesInFile(
  { path, imageShape, rows }: LargeNpy,
  range: ImageRange,
  facts: Omit<DatasetFacts, 'imageShape'>,
  limit: number | undefined,
): Dataset {
  const labels = facts.labels.slice(0, imagesToTake(range.count, limit, path));
  checkLabels(labels, facts.classes, path);
  const size = imageShape.reduce((product, dim) => product * dim, 1);
  return datasetReading({ ...facts, imageShape, labels }, (indices, images) =>
    reading(path, async (file) => {
      for (const [place, index] of indices.entries()) {
        const row = range.first + index;
        const { pixels } = imagesOf(rows.decode(await rowsAt(file, path, rows, row, 1)), `${path} (image ${row})`);
        copyPixels(pixels, images.subarray(place * size, (place + 1) * size));
      }
    }),
  );
}

async function reading<T>(path: string, read: (file: FileHandle) => Promise<T>): Promise<T> {
  await using file = await open(path).catch((cause: unknown) => {
    throw fileError(path, cause);
  });
  return await read(file);
}

function rowsAt(file: FileHandle, path: string, { start, bytesPerRow }: NpyRows, first: number, count: number) {
  return bytesAt(file, path, start + first * bytesPerRow, count * bytesPerRow);
}

async function bytesAt(file: FileHandle, path: string, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let read = 0; read < length; ) {
    const { bytesRead } = await file.read(bytes, read, length - read, position + read);
    if (bytesRead === 0) throw new DatasetError(`${path}: became shorter while it was read; try again`);
    read += bytesRead;
  }
  return bytes;
}
