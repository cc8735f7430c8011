import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InputError, messageOf, RunError } from '../contracts/errors.ts';

/** Reads a text file the user named. Throws InputError where it cannot be read. */
export async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new InputError(`cannot read ${path}: ${messageOf(cause)}`, { cause });
  });
}

/** Writes a file the user asked for, with the folders it needs. Throws RunError where the file system refuses. */
export async function writeOutput(path: string, bytes: Uint8Array | string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  } catch (cause) {
    throw new RunError(`cannot write ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** A line for the reader. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
