import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { InputError } from '../contracts/errors.ts';

export interface Checksum {
  readonly algorithm: 'md5' | 'sha256';
  /** Lower case. */
  readonly hex: string;
}

/** The checksum of a file, read in pieces. */
export async function checksumOf(path: string, algorithm: Checksum['algorithm']): Promise<Checksum> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk);
  return { algorithm, hex: hash.digest('hex') };
}

/** Where the checksum of a file is kept that nobody publishes one of. */
export function recordOf(path: string): string {
  return `${path}.sha256`;
}

/** Writes the record, in the form that `sha256sum --check` reads. */
export async function writeRecord(path: string, { hex }: Checksum): Promise<void> {
  await writeFile(recordOf(path), `${hex}  ${basename(path)}\n`);
}

/** What the record says, or undefined where there is none. Throws InputError where it holds no SHA-256. */
export async function readRecord(path: string): Promise<Checksum | undefined> {
  const text = await readFile(recordOf(path), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const hex = /^[0-9a-f]{64}(?=\s|$)/.exec(text)?.[0];
  if (hex !== undefined) return { algorithm: 'sha256', hex };
  throw new InputError(`${recordOf(path)}: does not start with a SHA-256; remove it to accept the file as it is`);
}
