import { readCifar } from './cifar.ts';
import { binaryEncoding } from './cifar-binary.ts';
import type { CifarLayout } from './cifar-layout.ts';
import { pythonEncoding } from './cifar-python.ts';
import type { Dataset } from './dataset.ts';
import type { DatasetSpec } from './spec.ts';

export const CIFAR100: CifarLayout = {
  format: 'cifar100',
  classes: 100,
  binary: binaryEncoding('cifar100', { train: ['train.bin'], test: ['test.bin'] }, 'fine_label_names.txt'),
  python: pythonEncoding(
    { train: ['train'], test: ['test'] },
    { member: 'meta', labelsKey: 'fine_labels', namesKey: 'fine_label_names' },
  ),
};

/**
 * CIFAR-100 with its 100 fine classes, from its published archives (binary or python), the folder either unpacks to, or
 * one file of it, raw `.bin` included. Throws DatasetError.
 */
export function readCifar100(spec: DatasetSpec<'cifar100'>): Promise<Dataset> {
  return readCifar(CIFAR100, spec);
}
