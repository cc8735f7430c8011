/** Where results are kept, by key: a folder on one machine, a bucket on AWS. Keys are relative paths with "/". */
export interface Store {
  /** The bytes under `key`, or undefined where there are none. */
  get(key: string): Promise<Uint8Array | undefined>;
  has(key: string): Promise<boolean>;
  /** Writes all or nothing: a reader, or the next start after a crash, never sees a part. */
  put(key: string, bytes: Uint8Array | string): Promise<void>;
  /** The same, but only where there is nothing under `key` yet; false where there is. Of many at once, one wins. */
  putNew(key: string, bytes: Uint8Array | string): Promise<boolean>;
  /** Afterwards there is nothing under `key`: removing what is not there is fine, and so is removing it twice at once. */
  remove(key: string): Promise<void>;
  /** Keys that start with `prefix`, sorted. */
  list(prefix: string): Promise<string[]>;
}

/** One level of a store: what lies directly in a folder, or under a prefix up to the next "/". */
export interface FolderListing {
  readonly files: readonly ListedFile[];
  /** Names, without "/". */
  readonly folders: readonly string[];
}

export interface ListedFile {
  readonly name: string;
  readonly modified: Date;
}

/** The part of a store whose keys start with `prefix`, which ends with '/', as a store of its own. */
export function within(store: Store, prefix: string): Store {
  return {
    get: (key) => store.get(prefix + key),
    has: (key) => store.has(prefix + key),
    put: (key, bytes) => store.put(prefix + key, bytes),
    putNew: (key, bytes) => store.putNew(prefix + key, bytes),
    remove: (key) => store.remove(prefix + key),
    list: async (start) => (await store.list(prefix + start)).map((key) => key.slice(prefix.length)),
  };
}
