import type { DatasetFormat } from '../schemas/config.ts';

/** What a file is by its name alone, where nobody says: most files of CIFAR have none of these endings. */
export function formatByName(path: string): DatasetFormat {
  if (/\.np[yz]$/.test(path)) return 'npy';
  if (/[-.]idx\d[-.]ubyte(?:\.gz)?$/.test(path)) return 'idx';
  return path.endsWith('.parquet') ? 'parquet' : 'cifar10';
}
