import type { Store } from './store.ts';

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
