import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';

/** What this thread has found of files, kept for as long as they are not written to. */
export class FileMemory<T> {
  readonly #known = new Map<string, { readonly stamp: string; readonly value: T }>();

  /**
   * What `find` finds of the file at `path`: asked once, and again only where size, times or inode of the file have changed.
   * A folder's changes do not show in its own times: of one, it is asked each time. `key` says what is asked.
   */
  async get(key: string, path: string, find: () => Promise<T>): Promise<T> {
    const before = await stampAt(path);
    const known = this.#known.get(key);
    if (before !== undefined && known?.stamp === before) return known.value;
    const value = await find();
    if (before !== undefined && before === (await stampAt(path))) this.#known.set(key, { stamp: before, value });
    return value;
  }

  /** Keeps what was found while the file was written. */
  async set(key: string, path: string, value: T): Promise<void> {
    const stamp = await stampAt(path);
    if (stamp !== undefined) this.#known.set(key, { stamp, value });
  }
}

/** Differs where a file was written to, or is another one; it says nothing of a folder. */
export function stampOf({ size, mtimeNs, ctimeNs, ino }: BigIntStats): string {
  // The time of the last change of the inode cannot be set back, as that of the content can.
  return [size, mtimeNs, ctimeNs, ino].join(' ');
}

/** Undefined for a folder, and for what is not there. */
async function stampAt(path: string): Promise<string | undefined> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  return stats?.isFile() === true ? stampOf(stats) : undefined;
}
