import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { InputError, messageOf, RunError } from '../errors.ts';
import { fileKind } from '../numeric/file-kinds.ts';
import { zooHint } from '../schemas/zoo/zoo.ts';
import { makeFolder } from '../stores/make-folder.ts';
import { CATALOGUE, type Catalogue, type CatalogueEntry, zooCatalogue } from './catalogue.ts';
import { type DownloadOptions, download, WebPageError } from './download.ts';
import { readHead } from './files.ts';

export interface FetchOptions extends DownloadOptions {
  /** What can be fetched, by name; igd's own by default. */
  readonly catalogue?: Catalogue;
}

export interface Fetched {
  readonly path: string;
  readonly outcome: 'downloaded' | 'already there';
  /** What the file was verified by; a SHA-256 of a first download is new knowledge, and was written beside the file. */
  readonly checksum: Checksum;
}

/**
 * Gets a named dataset, checkpoint or model of the zoo into the folder `toDir`, going on from what a cut download left there,
 * and verifies it; a model may have several files. A file that is there and right is left alone. Throws InputError for an
 * unknown name or a wrong file in the way, and RunError, which says what to do by hand, where the network or the disk fails.
 */
export async function fetchNamed(name: string, toDir: string, options: FetchOptions = {}): Promise<Fetched[]> {
  const fetched: Fetched[] = [];
  for (const entry of entriesNamed(name, options.catalogue)) fetched.push(await fetchFile(name, entry, toDir, options));
  return fetched;
}

async function fetchFile(name: string, entry: CatalogueEntry, toDir: string, options: FetchOptions): Promise<Fetched> {
  const path = join(toDir, entry.file);
  try {
    const expected = await expectedChecksum(entry, path);
    return (await isThere(path)) ? await verifyHeld(entry, path, expected) : await get(entry, path, expected, options);
  } catch (cause) {
    throw cause instanceof InputError ? cause : explained(name, entry, path, cause);
  }
}

async function get(
  entry: CatalogueEntry,
  path: string,
  expected: Checksum | undefined,
  options: DownloadOptions,
): Promise<Fetched> {
  const part = `${path}.part`;
  await makeFolder(dirname(path));
  await download(entry.url, part, options);
  const checksum = await verifyArrived(part, expected);
  await rename(part, path);
  if (entry.md5 === undefined) await writeRecord(path, checksum);
  return { path, outcome: 'downloaded', checksum };
}

function entriesNamed(name: string, catalogue: Catalogue = CATALOGUE): readonly CatalogueEntry[] {
  const entry = Object.hasOwn(catalogue, name) ? catalogue[name] : undefined;
  const entries = entry === undefined ? zooCatalogue(name) : [entry];
  if (entries.length > 0) return entries;
  throw new InputError(
    `"${name}" is not known to igd fetch; it can get ${Object.keys(catalogue).join(', ')}, and the models that "igd zoo" lists${zooHint(name)}`,
  );
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function expectedChecksum(entry: CatalogueEntry, path: string): Promise<Checksum | undefined> {
  return entry.md5 === undefined ? readRecord(path) : { algorithm: 'md5', hex: entry.md5 };
}

/** A file without a record was put there by hand, as our own messages ask: what it holds now becomes the record. */
async function verifyHeld(entry: CatalogueEntry, path: string, expected: Checksum | undefined): Promise<Fetched> {
  const found = await checksumOf(path, expected?.algorithm ?? 'sha256');
  if (expected === undefined) await writeRecord(path, found);
  else if (found.hex !== expected.hex) {
    const cause = entry.md5 === undefined ? `${recordOf(path)} says ${expected.hex}` : `${expected.hex} is published`;
    throw new InputError(
      `${path}: is there, but its ${found.algorithm} is ${found.hex} where ${cause}; move it away and fetch again`,
    );
  }
  return { path, outcome: 'already there', checksum: found };
}

/** Deletes a wrong file: to go on from it would never make a right one. */
async function verifyArrived(part: string, expected: Checksum | undefined): Promise<Checksum> {
  const found = await checksumOf(part, expected?.algorithm ?? 'sha256');
  const isPage = fileKind(await readHead(part)) === 'web-page';
  if (!isPage && (expected === undefined || found.hex === expected.hex)) return found;
  await rm(part);
  if (isPage) throw new WebPageError();
  throw new RunError(
    `what arrived has ${found.algorithm} ${found.hex}, not ${expected?.hex}: damaged on the way, or changed at its source; it was deleted`,
  );
}

/** Adds what to do to what happened. */
function explained(name: string, entry: CatalogueEntry, path: string, cause: unknown): RunError {
  const why = cause instanceof WebPageError && entry.webPageMeans !== undefined ? ` (${entry.webPageMeans})` : '';
  const byHand = `get ${entry.page ?? entry.url} by hand and put it at ${path}`;
  return new RunError(`${name}: ${messageOf(cause)}${why}. Try again by the same command, or ${byHand}`, { cause });
}

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
function recordOf(path: string): string {
  return `${path}.sha256`;
}

/** Writes the record, in the form that `sha256sum --check` reads. */
async function writeRecord(path: string, { hex }: Checksum): Promise<void> {
  await writeFile(recordOf(path), `${hex}  ${basename(path)}\n`);
}

/** What the record says, or undefined where there is none. Throws InputError where it holds no SHA-256. */
async function readRecord(path: string): Promise<Checksum | undefined> {
  const text = await readFile(recordOf(path), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const hex = /^[0-9a-f]{64}(?=\s|$)/.exec(text)?.[0];
  if (hex !== undefined) return { algorithm: 'sha256', hex };
  throw new InputError(`${recordOf(path)}: does not start with a SHA-256; remove it to accept the file as it is`);
}
