import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { InputError, messageOf, RunError } from '../errors.ts';
import { type DownloadOptions, download, WebPageError } from './download.ts';
import { kindOf, readHead } from './files.ts';

/** A file that `igd fetch` knows where to get. */
export interface CatalogueEntry {
  readonly kind: 'dataset' | 'checkpoint';
  readonly about: string;
  readonly url: string;
  /** The name it is published and saved under. */
  readonly file: string;
  /** In hex, as published. Without one the SHA-256 of the first download is kept beside the file and holds from then on. */
  readonly md5?: string;
  /** Where a person gets it with a browser, if not at `url`. */
  readonly page?: string;
  /** Why the server may answer with a web page. */
  readonly webPageMeans?: string;
}

export type Catalogue = Readonly<Record<string, CatalogueEntry>>;

/** Sums and sizes from https://www.cs.toronto.edu/~kriz/cifar.html */
function cifar(about: string, file: string, md5: string): CatalogueEntry {
  return { kind: 'dataset', about, url: `https://www.cs.toronto.edu/~kriz/${file}`, file, md5 };
}

/** Checkpoints that are public on Google Drive only; `confirm=t` skips the page that says large files are not scanned. */
function onGoogleDrive(about: string, file: string, id: string): CatalogueEntry {
  return {
    kind: 'checkpoint',
    about,
    url: `https://drive.usercontent.google.com/download?id=${id}&export=download&confirm=t`,
    file,
    page: `https://drive.google.com/file/d/${id}/view`,
    webPageMeans: 'Google Drive does so when too many have fetched the file today, or when it asks about a virus scan',
  };
}

/**
 * Everything there is to fetch, by name. A new file is one row; checkpoints keep the names the public code expects, with the
 * data set where RobustBench has two of a name. Ids: the public code's README, and model_zoo of RobustBench/robustbench.
 */
export const CATALOGUE: Catalogue = {
  cifar10: cifar('CIFAR-10, binary version, 162 MB', 'cifar-10-binary.tar.gz', 'c32a1d4ab5d03f1284b67883e8d87530'),
  'cifar10-python': cifar(
    'CIFAR-10, python version, 163 MB',
    'cifar-10-python.tar.gz',
    'c58f30108f718f92721af3b95e74349a',
  ),
  cifar100: cifar('CIFAR-100, binary version, 161 MB', 'cifar-100-binary.tar.gz', '03b5dce01913d631647c71ecec9e9cb8'),
  'cifar100-python': cifar(
    'CIFAR-100, python version, 161 MB',
    'cifar-100-python.tar.gz',
    'eb9058c3a382ffc7106e4002c42a8d85',
  ),
  'dajat-rn18': onGoogleDrive(
    'DAJAT ResNet-18 on CIFAR-10 (Addepalli et al., 2022)',
    'Addepalli2022Efficient_RN18.pt',
    '1m5vhdzIUUKhDbsZdOG9z76Eyp6f4xe_f',
  ),
  'oaat-rn18': onGoogleDrive(
    'OAAT ResNet-18 on CIFAR-10 (Addepalli et al., 2021)',
    'Addepalli2021Towards_RN18.pt',
    '1-1DxecXz5U_xZ54DVdE-GVm71Tiox-Ri',
  ),
  'dajat-wrn34-10': onGoogleDrive(
    'DAJAT WideResNet-34-10 on CIFAR-10 (Addepalli et al., 2022)',
    'Addepalli2022Efficient_WRN_34_10.pt',
    '1--dVDtZhAk4D2zMtTDwIGnImuCGxTcBA',
  ),
  'trades-awp-wrn34-10': onGoogleDrive(
    'TRADES-AWP WideResNet-34-10 on CIFAR-10 (Wu et al., 2020)',
    'TRADES-AWP_cifar10_linf_wrn34-10.pt',
    '1hlVTLZkveYGWpE9-46Wp5NVZt1slz-1T',
  ),
  'dajat-rn18-cifar100': onGoogleDrive(
    'DAJAT ResNet-18 on CIFAR-100 (Addepalli et al., 2022)',
    'Addepalli2022Efficient_RN18_cifar100.pt',
    '1-2hnxC7lZOQDqQbum4yPbtRtTND86I5N',
  ),
  'oaat-parn18-cifar100': onGoogleDrive(
    'OAAT PreActResNet-18 on CIFAR-100 (Addepalli et al., 2021)',
    'Addepalli2021Towards_PARN18_cifar100.pt',
    '1-FwVya1sDvdFXr0_ZBoXEJW9ukGC7hPK',
  ),
  'las-wrn34-10-cifar100': onGoogleDrive(
    'LAS-AT WideResNet-34-10 on CIFAR-100 (Jia et al., 2022)',
    'Jia2022LAS-AT_34_10_cifar100.pt',
    '1-338K2PUf5FTwk4cbUUeTNz247GrXaMG',
  ),
  'rtb-rn50-imagenet': onGoogleDrive(
    'PGD adversarial training ResNet-50 on ImageNet (Salman et al., 2020)',
    'Salman2020Do_R50.pt',
    '1TmT5oGa1UvVjM3d-XeSj_XmKqBNRUg8r',
  ),
  'fat-rn50-imagenet': onGoogleDrive(
    'Fast adversarial training ResNet-50 on ImageNet (Wong et al., 2020)',
    'imagenet_model_weights_4px.pth.tar',
    '1UrNEtLWs-fjlM2GPb1JpBGtpffDuHH_4',
  ),
};

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
 * Gets a named dataset or checkpoint into the folder `toDir`, going on from what a cut download left there, and verifies
 * it. A file that is there and right is left alone. Throws InputError for an unknown name or a wrong file in the way, and
 * RunError, which says what to do by hand, where the network or the disk fails.
 */
export async function fetchNamed(name: string, toDir: string, options: FetchOptions = {}): Promise<Fetched> {
  const entry = entryNamed(name, options.catalogue ?? CATALOGUE);
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
  await mkdir(dirname(path), { recursive: true });
  await download(entry.url, part, options);
  const checksum = await verifyArrived(part, expected);
  await rename(part, path);
  if (entry.md5 === undefined) await writeRecord(path, checksum);
  return { path, outcome: 'downloaded', checksum };
}

function entryNamed(name: string, catalogue: Catalogue): CatalogueEntry {
  const entry = Object.hasOwn(catalogue, name) ? catalogue[name] : undefined;
  if (entry !== undefined) return entry;
  throw new InputError(`"${name}" is not known to igd fetch; it can get ${Object.keys(catalogue).join(', ')}`);
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
  const isPage = kindOf(await readHead(part)) === 'html';
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
  return new RunError(`${name}: ${messageOf(cause)}${why}. Try again (\`igd fetch ${name}\`), or ${byHand}`, { cause });
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
