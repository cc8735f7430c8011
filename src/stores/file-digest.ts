import { stat } from 'node:fs/promises';

interface Known {
  readonly stamp: string;
  readonly digest: string;
}

/** Digests that this thread has computed, by what they are of. */
const known = new Map<string, Known>();

/**
 * What `compute` finds of the file at `path`: asked once, and again only where size, times or inode of the file have changed.
 * A folder's changes do not show in its own times: of one, it is asked each time.
 */
export async function rememberedDigest(key: string, path: string, compute: () => Promise<string>): Promise<string> {
  const before = await stampOf(path);
  const found = known.get(key);
  if (before !== undefined && found?.stamp === before) return found.digest;
  const digest = await compute();
  if (before !== undefined && before === (await stampOf(path))) known.set(key, { stamp: before, digest });
  return digest;
}

/** Keeps the digest of a file that was hashed while it was written. */
export async function rememberDigest(path: string, digest: string): Promise<void> {
  const stamp = await stampOf(path);
  if (stamp !== undefined) known.set(path, { stamp, digest });
}

/** Undefined for a folder, and for what is not there. */
async function stampOf(path: string): Promise<string | undefined> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  if (stats?.isFile() !== true) return undefined;
  // The time of the last change of the inode cannot be set back, as that of the content can.
  return [stats.size, stats.mtimeNs, stats.ctimeNs, stats.ino].join(' ');
}
