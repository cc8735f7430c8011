import type { DatasetSpec } from '../../datasets/dataset.ts';
import { datasetDigest } from '../../datasets/digest.ts';
import { isFolder } from '../../datasets/files.ts';
import { DatasetError, InputError } from '../../errors.ts';

/**
 * The digest of a file before it is opened. undefined of a folder, which would be read once more for it, and of what cannot be read,
 * which its reader says.
 */
export async function digestBefore(spec: DatasetSpec): Promise<string | undefined> {
  try {
    return (await isFolder(spec.path)) ? undefined : await datasetDigest(spec);
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/**
 * The digest when all is known of the images. It is remembered: nothing is read again for it. Throws DatasetError where it is of another
 * file than was opened.
 */
export async function digestAfter(spec: DatasetSpec, before: string | undefined): Promise<string> {
  const digest = await datasetDigest(spec);
  if (before === undefined || digest === before) return digest;
  throw new DatasetError(`${spec.path}: was written to while it was read; leave it alone, and try again`);
}
