import { readCifar10 } from './cifar10.ts';
import { readCifar100 } from './cifar100.ts';
import type { Dataset } from './dataset.ts';
import { readNpyDataset } from './npy.ts';
import type { DatasetFormat, DatasetSpec } from './spec.ts';

type Readers = { readonly [F in DatasetFormat]: (spec: DatasetSpec<F>) => Promise<Dataset> };

/** A new format is a file with its reader, its row here, and what it needs to know in spec.ts. */
const READERS: Readers = {
  cifar10: readCifar10,
  cifar100: readCifar100,
  npy: readNpyDataset,
};

/**
 * Reads a dataset into memory. Throws DatasetError (InputError for a damaged .npy or .npz) where the file is not there,
 * is not what its format promises, or holds fewer images than asked for.
 */
export function openDataset<F extends DatasetFormat>(spec: DatasetSpec<F>): Promise<Dataset> {
  return READERS[spec.format](spec);
}
