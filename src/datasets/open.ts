import type { DatasetFormat } from '../schemas/config.ts';
import { readCifar10, readCifar100 } from './cifar.ts';
import { type Dataset, type DatasetSpec, sampleByClass, subsetOf } from './dataset.ts';
import { readIdx } from './idx/read-idx.ts';
import { readImageFolder } from './image/image-folder.ts';
import { readNpyDataset } from './npy-dataset.ts';
import { readParquet } from './parquet/read-parquet.ts';

type Readers = { readonly [F in DatasetFormat]: (spec: DatasetSpec<F>) => Promise<Dataset> };

/** A new format is a file with its reader, a row here, and its name in src/schemas/config.ts. */
const READERS: Readers = {
  cifar10: sampled(readCifar10),
  cifar100: sampled(readCifar100),
  npy: sampled(readNpyDataset),
  idx: sampled(readIdx),
  imagefolder: readImageFolder,
  parquet: sampled(readParquet),
};

/**
 * Opens a dataset: image folders, Parquet files and large arrays that are not compressed are read as their images are asked for, all else
 * into memory. Throws DatasetError (InputError for a damaged .npy, .npz or idx file) where the file is not there, is not what its format
 * promises, or holds fewer images than asked for.
 */
export function openDataset<F extends DatasetFormat>(spec: DatasetSpec<F>): Promise<Dataset> {
  return READERS[spec.format](spec);
}

/** The reader of a format that lists all its images: a sample is a choice from them. */
function sampled<S extends Pick<DatasetSpec, 'sample'>>(read: (spec: S) => Promise<Dataset>): typeof read {
  return async (spec) => {
    const dataset = await read(spec);
    return spec.sample === undefined ? dataset : subsetOf(dataset, sampleByClass(dataset, spec.sample));
  };
}
