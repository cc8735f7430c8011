import { FileStore } from './file-store.ts';
import type { Store } from './store.ts';

/** Which store, as it is handed to worker threads and containers. */
export type StoreSpec =
  | { readonly kind: 'folder'; readonly root: string }
  /** Keys lie under `prefix`, which is '' or ends with '/'. */
  | { readonly kind: 's3'; readonly bucket: string; readonly prefix: string };

/** Opens a store. The AWS SDK is loaded for buckets alone. */
export async function openStore(spec: StoreSpec): Promise<Store> {
  if (spec.kind === 'folder') return new FileStore(spec.root);
  const { S3Store } = await import('./s3-store.ts');
  return new S3Store(spec);
}
