import { readCifar } from './cifar.ts';
import { binaryEncoding } from './cifar-binary.ts';
import type { CifarLayout } from './cifar-layout.ts';
import { pythonEncoding } from './cifar-python.ts';
import type { Dataset } from './dataset.ts';
import type { DatasetSpec } from './spec.ts';

const TRAIN = ['data_batch_1', 'data_batch_2', 'data_batch_3', 'data_batch_4', 'data_batch_5'];

export const CIFAR10: CifarLayout = {
  format: 'cifar10',
  classes: 10,
  classNames: ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'],
  binary: binaryEncoding(
    'cifar10',
    { train: TRAIN.map((name) => `${name}.bin`), test: ['test_batch.bin'] },
    'batches.meta.txt',
  ),
  python: pythonEncoding(
    { train: TRAIN, test: ['test_batch'] },
    { member: 'batches.meta', labelsKey: 'labels', namesKey: 'label_names' },
  ),
};

/**
 * CIFAR-10 from its published archives (binary or python), the folder either unpacks to, or one file of it, raw `.bin`
 * included. Throws DatasetError.
 */
export function readCifar10(spec: DatasetSpec<'cifar10'>): Promise<Dataset> {
  return readCifar(CIFAR10, spec);
}
