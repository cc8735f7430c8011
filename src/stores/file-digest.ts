import { FileMemory } from './file-memory.ts';

/** Digests that this thread has computed, by what they are of. */
const digests = new FileMemory<string>();

/** The digest that `compute` finds of the file at `path`, see `FileMemory`. */
export function rememberedDigest(key: string, path: string, compute: () => Promise<string>): Promise<string> {
  return digests.get(key, path, compute);
}

/** Keeps the digest of a file that was hashed while it was written. */
export function rememberDigest(path: string, digest: string): Promise<void> {
  return digests.set(path, path, digest);
}
