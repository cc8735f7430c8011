import { randomUUID } from 'node:crypto';
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { messageOf, RunError } from '../contracts/errors.ts';
import type { Store } from './store.ts';

/** Suffix of files being written; one left behind by a crash is never read. */
const UNFINISHED = '.unfinished';

/** A store in a folder, made on the first write. Throws RunError where the file system refuses. */
export class FileStore implements Store {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    try {
      return await readFile(this.#path(key));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw new RunError(`cannot read ${this.#path(key)}: ${messageOf(error)}`, { cause: error });
    }
  }

  async has(key: string): Promise<boolean> {
    return access(this.#path(key)).then(
      () => true,
      () => false,
    );
  }

  async put(key: string, bytes: Uint8Array | string): Promise<void> {
    const path = this.#path(key);
    const unfinished = `${path}.${randomUUID()}${UNFINISHED}`;
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(unfinished, bytes, { flush: true });
      await rename(unfinished, path);
    } catch (cause) {
      await rm(unfinished, { force: true });
      throw new RunError(`cannot write ${path}: ${messageOf(cause)}`, { cause });
    }
  }

  async list(prefix: string): Promise<string[]> {
    const entries = await readdir(this.root, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw new RunError(`cannot list ${this.root}: ${messageOf(error)}`, { cause: error });
    });
    return entries
      .filter((entry) => entry.isFile() && !entry.name.endsWith(UNFINISHED))
      .map((entry) => relative(this.root, join(entry.parentPath, entry.name)).split(sep).join('/'))
      .filter((key) => key.startsWith(prefix))
      .sort();
  }

  #path(key: string): string {
    if (key.split('/').some((part) => part === '' || part === '..')) throw new RunError(`"${key}" is no key`);
    return join(this.root, key);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
