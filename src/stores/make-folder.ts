import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { InputError, messageOf } from '../errors.ts';

/**
 * Makes a folder and those above it. Not by mkdir's own `recursive`, which tries for ever, on a thread that no signal reaches, where
 * a folder is there and takes none, such as /proc, and below a link to nothing. Throws InputError, naming the one that cannot be made.
 */
export async function makeFolder(path: string): Promise<void> {
  const missing: string[] = [];
  for (let at = resolve(path); !(await isFolder(at)); at = dirname(at)) missing.push(at);
  for (const at of missing.reverse()) {
    await mkdir(at).catch(async (cause: unknown) => {
      // Another process may have been faster.
      if (hasCode(cause, 'EEXIST') && (await isFolder(at))) return;
      const why = hasCode(cause, 'EEXIST') ? 'a file or a link to nothing is in its place' : messageOf(cause);
      throw new InputError(`cannot make the folder ${at}: ${why}; give another place`, { cause });
    });
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

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
