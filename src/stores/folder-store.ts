import { randomUUID } from 'node:crypto';
import { link, readdir, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { hasCode, InputError, messageOf, RunError } from '../errors.ts';
import { writeError } from './disk-error.ts';
import { makeFolder } from './make-folder.ts';
import type { Store } from './store.ts';

/** Suffix of files being written; one left behind by a crash is never read. */
const UNFINISHED = '.unfinished';

/** What no second try can read: the place is another than it was meant to be. */
const WRONG_PLACES = ['EACCES', 'EPERM', 'ELOOP', 'ENAMETOOLONG'] as const;

/** A store in a folder, made on the first write. Throws RunError where the file system refuses, InputError where it always will. */
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
      const Kind = WRONG_PLACES.some((code) => hasCode(error, code)) ? InputError : RunError;
      const way = Kind === InputError ? '; give another place' : '';
      throw new Kind(`cannot read ${this.#path(key)}: ${messageOf(error)}${way}`, { cause: error });
    }
  }

  async has(key: string): Promise<boolean> {
    return stat(this.#path(key)).then(
      (entry) => entry.isFile(),
      () => false,
    );
  }

  async put(key: string, bytes: Uint8Array | string): Promise<void> {
    await this.#write(key, bytes, rename);
  }

  /** A hard link is made where there is no file yet, or not at all. */
  async putNew(key: string, bytes: Uint8Array | string): Promise<boolean> {
    let made = true;
    await this.#write(key, bytes, async (unfinished, path) => {
      made = await link(unfinished, path).then(
        () => true,
        (error: unknown) => {
          // NFS sends a link again whose answer was lost, and is told that it exists: its own has two names.
          if (isExisting(error)) return stat(unfinished).then(({ nlink }) => nlink > 1);
          throw error;
        },
      );
      await rm(unfinished, { force: true });
    });
    return made;
  }

  /** Folders stay, empty ones too: another process may be about to write into them. */
  async remove(key: string): Promise<void> {
    try {
      await unlink(this.#path(key));
    } catch (error) {
      if (!isMissing(error) && !(await this.#isFolder(key)))
        throw new RunError(`cannot remove ${this.#path(key)}: ${messageOf(error)}`, { cause: error });
    }
  }

  async list(prefix: string): Promise<string[]> {
    // Only the folder that the keys lie in is read.
    const folder = join(this.root, dirname(`${prefix}.`));
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw new RunError(`cannot list ${folder}: ${messageOf(error)}`, { cause: error });
    });
    return entries
      .filter((entry) => entry.isFile() && !entry.name.endsWith(UNFINISHED))
      .map((entry) => relative(this.root, join(entry.parentPath, entry.name)).split(sep).join('/'))
      .filter((key) => key.startsWith(prefix))
      .sort();
  }

  /** Writes a file of another name and lets `place` give it its own in one step. */
  async #write(key: string, bytes: Uint8Array | string, place: (unfinished: string, path: string) => Promise<void>) {
    const path = this.#path(key);
    const unfinished = `${path}.${randomUUID()}${UNFINISHED}`;
    try {
      await makeFolder(dirname(path));
      await writeFile(unfinished, bytes, { flush: true });
      await place(unfinished, path);
    } catch (cause) {
      await rm(unfinished, { force: true }).catch(() => {});
      throw writeError(path, cause);
    }
  }

  /** A folder is no value; unlink of one fails as the system likes: EISDIR, EPERM. */
  #isFolder(key: string): Promise<boolean> {
    return stat(this.#path(key)).then(
      (entry) => entry.isDirectory(),
      () => false,
    );
  }

  #path(key: string): string {
    if (key.split('/').some((part) => part === '' || part === '..')) throw new RunError(`"${key}" is no key`);
    return join(this.root, key);
  }
}

function isMissing(error: unknown): boolean {
  return hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR') || hasCode(error, 'EISDIR');
}

function isExisting(error: unknown): boolean {
  return hasCode(error, 'EEXIST');
}
