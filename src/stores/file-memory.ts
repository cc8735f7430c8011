import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';

/** A file system's clock may tick in steps of so much: what is written twice in a step has the same times. */
const TICK_MS = 2_000;

/** What this thread has found of files, kept for as long as they are not written to. */
export class FileMemory<T> {
  readonly #known = new Map<string, { readonly stamp: string; readonly value: T }>();

  /**
   * What `find` finds of the file at `path`: asked once, and again only where size, times or inode of the file have changed,
   * or it was written to just before. A folder's changes do not show in its own times: of one, it is asked each time. `key` says what is asked.
   */
  async get(key: string, path: string, find: () => Promise<T>): Promise<T> {
    const before = await stampAt(path);
    const known = this.#known.get(key);
    if (before !== undefined && known?.stamp === before.stamp) return known.value;
    const value = await find();
    const isOld = before !== undefined && Date.now() - before.changedMs > TICK_MS;
    if (isOld && before.stamp === (await stampAt(path))?.stamp) this.#known.set(key, { stamp: before.stamp, value });
    return value;
  }

  /** Keeps what was found while the file was written. */
  async set(key: string, path: string, value: T): Promise<void> {
    const at = await stampAt(path);
    if (at !== undefined) this.#known.set(key, { stamp: at.stamp, value });
  }
}

/** Differs where a file was written to, or is another one; it says nothing of a folder. */
export function stampOf({ size, mtimeNs, ctimeNs, ino }: BigIntStats): string {
  // The time of the last change of the inode cannot be set back, as that of the content can.
  return [size, mtimeNs, ctimeNs, ino].join(' ');
}

/** Undefined for a folder, and for what is not there. */
async function stampAt(path: string): Promise<{ readonly stamp: string; readonly changedMs: number } | undefined> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  return stats?.isFile() === true ? { stamp: stampOf(stats), changedMs: Number(stats.ctimeMs) } : undefined;
}
