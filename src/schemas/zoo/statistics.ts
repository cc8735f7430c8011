import type { InputOptions } from '../config.ts';

/**
 * Constants that the tables name and that differ from `NORMALIZATIONS`: codes round CIFAR's mean and standard deviation in
 * their own ways, and Engstrom2019Robustness divides by the mean over images of each image's standard deviation.
 */
export const ZOO_STATISTICS: Readonly<Record<string, NonNullable<InputOptions['normalize']>>> = {
  'cifar10-b': { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] },
  'cifar10-c': { mean: [0.491, 0.482, 0.447], std: [0.247, 0.243, 0.262] },
  'cifar10-d': {
    mean: [0.4913997551666284, 0.48215855929893703, 0.4465309133731618],
    std: [0.24703225141799082, 0.24348516474564, 0.26158783926049628],
  },
  'cifar100-b': { mean: [0.5071, 0.4867, 0.4408], std: [0.2675, 0.2565, 0.2761] },
  'cifar100-d': {
    mean: [0.5070751592371323, 0.48654887331495095, 0.4409178433670343],
    std: [0.2673342858792401, 0.2564384629170883, 0.27615047132568404],
  },
};
