import { mkdir, rmdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { hasCode, InputError, messageOf } from '../errors.ts';

/**
 * Makes a folder and those above it. Not by mkdir's own `recursive`, which tries for ever, on a thread that no signal reaches, where
 * a folder is there and takes none, such as /proc, and below a link to nothing. Gives those that it made, the outermost first. Throws
 * InputError, naming the one that cannot be made.
 */
export async function makeFolder(path: string): Promise<string[]> {
  const missing: string[] = [];
  for (let at = resolve(path); !(await isFolder(at)); at = dirname(at)) missing.push(at);
  const made: string[] = [];
  for (const at of missing.reverse()) if (await makeOne(at)) made.push(at);
  return made;
}

/** Removes what `makeFolder` made, as far as nothing lies in it: for who alone writes there. */
export async function removeFolders(made: readonly string[]): Promise<void> {
  for (const at of made.toReversed()) await rmdir(at).catch(() => {});
}

/** False where another process was faster. */
async function makeOne(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (cause) {
    const isThere = hasCode(cause, 'EEXIST');
    if (isThere && (await isFolder(path))) return false;
    const why = isThere ? 'a file or a link to nothing is in its place' : messageOf(cause);
    throw new InputError(`cannot make the folder ${path}: ${why}; give another place`, { cause });
  }
}

/** The root of a file system is a folder, and where asking fails, so will making one, with the reason. */
async function isFolder(path: string): Promise<boolean> {
  if (dirname(path) === path) return true;
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}
