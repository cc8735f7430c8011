import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../errors.ts';

/** Half of the planner's disk: what one config names has the other half, and all of it once this is cleared. */
const KEPT_BYTES = 5 * 2 ** 30;

/**
 * Downloads into a folder on a disk that is small and is kept from one event to the next (a warm function's /tmp): what earlier
 * ones left is cleared where it is much, or in the way. Throws InputError where the disk is too small even so.
 */
export async function withRoom<T>(
  folder: string,
  download: () => Promise<T>,
  keptBytes: number = KEPT_BYTES,
): Promise<T> {
  if ((await bytesIn(folder)) > keptBytes) await clear(folder);
  try {
    return await download();
  } catch (error) {
    if (!isFull(error)) throw error;
  }
  await clear(folder);
  return download().catch((cause: unknown) => {
    if (!isFull(cause)) throw cause;
    throw new InputError(
      'the inputs are more than the disk of the planner holds (10 GiB): give an archive with the images that testImages and ' +
        'probeImages take, or Parquet files of them',
      { cause },
    );
  });
}

function clear(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}

async function bytesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      stat(join(entry.parentPath, entry.name)).then(
        ({ size }) => size,
        () => 0,
      ),
    );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** Of an error, or of what caused it. */
function isFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && error.code === 'ENOSPC') || isFull(error.cause);
}
