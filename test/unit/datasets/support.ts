import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, expect } from 'vitest';
import { InputError } from '../../../src/errors.ts';

/** The fixtures that test/fixtures/datasets/make.py wrote. */
export const FIXTURES = join(import.meta.dirname, '../../fixtures/datasets');

export const IMAGE_BYTES = 3072;

/** A folder for one test file, gone when it is through. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'igd-datasets-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Writes a file into the folder and returns its path. */
export async function put(folder: string, name: string, bytes: Uint8Array | string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

/** Members by name as a tar archive. */
export async function tarOf(members: Readonly<Record<string, Uint8Array | string>>): Promise<Uint8Array> {
  const archive = pack();
  for (const [name, bytes] of Object.entries(members)) {
    const header = { name, mtime: new Date(0) };
    if (name.endsWith('/')) archive.entry({ ...header, type: 'directory' });
    else archive.entry(header, Buffer.from(bytes));
  }
  archive.finalize();
  return buffer(archive);
}

export async function tarGzOf(members: Readonly<Record<string, Uint8Array | string>>): Promise<Uint8Array> {
  return gzipSync(await tarOf(members));
}

/** Binary records with these label bytes each, and pixels that differ from image to image. */
export function records(...labels: readonly (readonly number[])[]): Uint8Array {
  return Buffer.concat(labels.map((bytes, image) => Buffer.concat([Buffer.from(bytes), imageBytes(image)])));
}

export function imageBytes(image: number): Uint8Array {
  return Uint8Array.from({ length: IMAGE_BYTES }, (_, place) => (place * 7 + image * 31) % (256 - image));
}

/** One line that starts with where and says more: what every refusal looks like. */
export async function expectRefusal(attempt: Promise<unknown>, where: string, what: RegExp): Promise<void> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(InputError);
  const { message } = error as InputError;
  expect(message).toMatch(what);
  expect(message.startsWith(where)).toBe(true);
  expect(message).not.toContain('\n');
}
