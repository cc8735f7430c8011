import type { Tree } from '../../runs/catalogue/find-entries.ts';
import { serviceKeys } from '../../schemas/service.ts';
import type { Store } from '../../stores/store.ts';

/** The runs of a service, by their names, and beside them its histories, which lie elsewhere in the bucket; no run is called as their folder. */
export function serviceTree(runs: Tree, bucket: Tree): Tree {
  const folder = serviceKeys.history.slice(0, -1);
  const treeOf = (path: string) => (path === folder || path.startsWith(serviceKeys.history) ? bucket : runs);
  const of = (key: string): Store => treeOf(key).store;
  return {
    listFolder: async (path) => {
      const listing = await treeOf(path).listFolder(path);
      return path === '' ? { ...listing, folders: [...listing.folders, folder] } : listing;
    },
    store: {
      get: (key) => of(key).get(key),
      has: (key) => of(key).has(key),
      put: (key, bytes) => of(key).put(key, bytes),
      putNew: (key, bytes) => of(key).putNew(key, bytes),
      remove: (key) => of(key).remove(key),
      list: (prefix) => of(prefix).list(prefix),
    },
  };
}
