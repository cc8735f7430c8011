import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CATALOGUE, type Catalogue, type CatalogueEntry, zooCatalogue } from '../../../src/datasets/catalogue.ts';
import { type FetchOptions, fetchNamed } from '../../../src/datasets/fetch.ts';
import { InputError, RunError } from '../../../src/errors.ts';
import {
  type Answer,
  CONTENT,
  cutAfter,
  hangUp,
  nothing,
  page,
  ranged,
  ranges,
  refuse,
  serve,
  silence,
  whole,
} from './file-server.ts';
import { put, temporaryFolder } from './support.ts';

const folder = temporaryFolder();
const digest = (algorithm: string, bytes: Uint8Array) => createHash(algorithm).update(bytes).digest('hex');
const MD5 = digest('md5', CONTENT);
const SHA256 = digest('sha256', CONTENT);

let folders = 0;
/** A folder of its own, a catalogue of one entry, and the call that fetches it. */
function target(url: string, entry: Partial<CatalogueEntry> = { md5: MD5 }) {
  folders += 1;
  const to = join(folder, `to${folders}`);
  const catalogue: Catalogue = { thing: { kind: 'dataset', about: 'a test', url, file: 'thing.bin', ...entry } };
  const path = join(to, 'thing.bin');
  const get = async (options: FetchOptions = {}) => {
    const fetched = await fetchNamed('thing', to, { catalogue, ...options });
    expect(fetched).toHaveLength(1);
    return fetched[0];
  };
  return { to, path, part: `${path}.part`, get };
}

async function expectFailure(attempt: Promise<unknown>, type: typeof RunError | typeof InputError, what: RegExp) {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(type);
  expect((error as Error).message).toMatch(what);
  expect((error as Error).message).not.toContain('\n');
}

describe('fetchNamed', () => {
  it('gets a file, verifies it and tells how far it is', async () => {
    const { path, part, get } = target(await serve(whole));
    const progress: (readonly [number, number | undefined])[] = [];
    const fetched = await get({ onProgress: (received, total) => progress.push([received, total]) });
    expect(fetched).toEqual({ path, outcome: 'downloaded', checksum: { algorithm: 'md5', hex: MD5 } });
    expect(readFileSync(path).equals(CONTENT)).toBe(true);
    expect(progress.at(-1)).toEqual([CONTENT.length, CONTENT.length]);
    expect(existsSync(part)).toBe(false);
    expect(existsSync(`${path}.sha256`)).toBe(false);
  });

  it('asks nobody where the file is there and right', async () => {
    const { path, get } = target(await serve(whole));
    await get();
    expect(await get()).toEqual({ path, outcome: 'already there', checksum: { algorithm: 'md5', hex: MD5 } });
    expect(ranges).toHaveLength(1);
  });

  it('leaves a wrong file in the way alone', async () => {
    const { to, path, get } = target(await serve(whole));
    mkdirSync(to);
    await put(to, 'thing.bin', 'mine');
    await expectFailure(
      get(),
      InputError,
      new RegExp(`is there, but its md5 is .* where ${MD5} is published; move it`),
    );
    expect(readFileSync(path, 'utf8')).toBe('mine');
    expect(ranges).toHaveLength(0);
  });

  it('knows the names it has, and only those', async () => {
    await expectFailure(fetchNamed('cifar-10', folder), InputError, /"cifar-10" is not known.*cifar10, cifar10-python/);
    await expectFailure(fetchNamed('constructor', folder), InputError, /"constructor" is not known/);
  });
});

describe('after a cut', () => {
  it('goes on from where it was', async () => {
    const { path, part, get } = target(await serve(cutAfter(100_000), ranged));
    await expectFailure(get(), RunError, /the connection was cut.*Try again by the same command, or get .* by hand/);
    const held = readFileSync(part).length;
    expect(held).toBeGreaterThan(0);
    const received: number[] = [];
    await get({ onProgress: (bytes) => received.push(bytes) });
    expect(ranges).toEqual([undefined, `bytes=${held}-`]);
    expect(received[0]).toBeGreaterThan(held);
    expect(received.at(-1)).toBe(CONTENT.length);
    expect(readFileSync(path).equals(CONTENT)).toBe(true);
  });

  it('begins again with a server that ignores Range', async () => {
    const { path, get } = target(await serve(cutAfter(100_000), whole));
    await expectFailure(get(), RunError, /cut/);
    await get();
    expect(readFileSync(path).equals(CONTENT)).toBe(true);
  });

  it.each([
    ['is whole', CONTENT, 1],
    ['is longer than the file', Buffer.concat([CONTENT, CONTENT]), 2],
  ])('takes 416 well where what is held %s', async (_, held, requests) => {
    const { to, path, get } = target(await serve(ranged, whole));
    mkdirSync(to);
    await put(to, 'thing.bin.part', held);
    await get();
    expect(ranges).toHaveLength(requests);
    expect(readFileSync(path).equals(CONTENT)).toBe(true);
  });

  it('begins again where the server sends another range than asked for', async () => {
    const other: Answer = (_, response) => {
      response.writeHead(206, { 'content-range': `bytes 0-9/${CONTENT.length}` }).end(CONTENT.subarray(0, 10));
    };
    const { to, path, get } = target(await serve(other, whole));
    mkdirSync(to);
    await put(to, 'thing.bin.part', CONTENT.subarray(0, 5000));
    await get();
    expect(readFileSync(path).equals(CONTENT)).toBe(true);
  });

  it('keeps what it has where the server now answers with a page or a refusal', async () => {
    const { to, part, get } = target(await serve(page, refuse(403)));
    mkdirSync(to);
    await put(to, 'thing.bin.part', CONTENT.subarray(0, 5000));
    await expectFailure(get(), RunError, /a web page instead of the file/);
    await expectFailure(get(), RunError, /answered 403 Forbidden/);
    expect(readFileSync(part)).toHaveLength(5000);
  });
});

describe('failures say what happened and what to do', () => {
  const byHand = (url: string, path: string) => new RegExp(`or get ${url} by hand and put it at ${path}$`);

  it.each([
    ['403', refuse(403), /^thing: the server answered 403 Forbidden\. Try again/],
    ['404', refuse(404), /^thing: the server answered 404 Not Found/],
    ['206 unasked', ranged, /^thing: the server answered 206/],
    ['a web page', page, /^thing: the server answered with a web page instead of the file\. Try/],
    ['an empty file', nothing, /^thing: the server sent an empty file/],
  ])('%s', async (_, answer, what) => {
    const url = await serve(answer);
    const { path, get } = target(url);
    await expectFailure(get(), RunError, what);
    await expectFailure(get(), RunError, byHand(url, path));
    expect(existsSync(path)).toBe(false);
  });

  it('a wrong checksum, and deletes what came', async () => {
    const { path, part, get } = target(await serve(whole), { md5: '0'.repeat(32) });
    await expectFailure(get(), RunError, new RegExp(`has md5 ${MD5}, not 0{32}.*it was deleted`));
    expect(existsSync(part)).toBe(false);
    expect(existsSync(path)).toBe(false);
  });

  it('a refused connection', async () => {
    const url = await serve(whole);
    await hangUp();
    const { path, get } = target(url);
    await expectFailure(get(), RunError, /^thing: the connection was refused/);
    await expectFailure(get(), RunError, byHand(url, path));
  });

  it('a host that does not exist', async () => {
    const { get } = target('http://igd.invalid/file');
    await expectFailure(get(), RunError, /^thing: the host (is not known|could not be looked up)/);
  });

  it('a server that falls silent; what came is kept', async () => {
    const { part, get } = target(await serve(silence));
    await expectFailure(get({ stallSeconds: 0.3 }), RunError, /nothing arrived for 0\.3 seconds/);
    expect(readFileSync(part)).toHaveLength(1000);
  });

  it('an abort; what came is kept', async () => {
    const { part, get } = target(await serve(silence));
    const abort = new AbortController();
    const attempt = get({ signal: abort.signal, onProgress: () => abort.abort() });
    await expectFailure(attempt, RunError, /stopped before the file was whole/);
    expect(readFileSync(part)).toHaveLength(1000);
    await expectFailure(get({ signal: abort.signal }), RunError, /stopped before/);
  });

  it('a folder that cannot be written', async () => {
    const { to, get } = target(await serve(whole));
    await put(folder, to.slice(folder.length + 1), 'a file where the folder should be');
    await expectFailure(get(), InputError, /a file or a link to nothing is in its place; give another place/);
  });
});

describe('files without a published checksum', () => {
  it('are recorded when they first come, and held to it from then on', async () => {
    const { to, path, get } = target(await serve(whole), { kind: 'checkpoint' });
    const checksum = { algorithm: 'sha256', hex: SHA256 };
    expect(await get()).toEqual({ path, outcome: 'downloaded', checksum });
    expect(readFileSync(`${path}.sha256`, 'utf8')).toBe(`${SHA256}  thing.bin\n`);
    expect(await get()).toEqual({ path, outcome: 'already there', checksum });
    await put(to, 'thing.bin', 'changed');
    await expectFailure(get(), InputError, /its sha256 is .* where .*thing\.bin\.sha256 says/);
  });

  it('put there by hand are recorded as they are', async () => {
    const { to, path, get } = target(await serve(whole), {});
    mkdirSync(to);
    await put(to, 'thing.bin', CONTENT);
    expect(await get()).toMatchObject({ outcome: 'already there', checksum: { hex: SHA256 } });
    expect(existsSync(`${path}.sha256`)).toBe(true);
    expect(ranges).toHaveLength(0);
  });

  it('are refused where the record says otherwise, or nothing', async () => {
    const { to, get } = target(await serve(whole), {});
    mkdirSync(to);
    await put(to, 'thing.bin.sha256', `${'0'.repeat(64)}  thing.bin\n`);
    await expectFailure(get(), RunError, /has sha256 .*, not 0{64}/);
    await put(to, 'thing.bin.sha256', 'garbage');
    await expectFailure(get(), InputError, /does not start with a SHA-256/);
  });

  it('are no web pages, whatever the server calls them', async () => {
    const unlabelled: Answer = (_, response) => {
      response.writeHead(200).end('<!DOCTYPE html><title>Quota exceeded</title>');
    };
    const { part, get } = target(await serve(unlabelled), { webPageMeans: 'too many have fetched it', page: 'P' });
    await expectFailure(get(), RunError, /web page instead of the file \(too many have fetched it\).*get P by hand/);
    expect(existsSync(part)).toBe(false);
  });
});

describe('the catalogue', () => {
  it('has the published checksums of CIFAR, and a page for each file on Google Drive', () => {
    expect(Object.keys(CATALOGUE)).toHaveLength(13);
    for (const { kind, url, md5, page: browser } of Object.values(CATALOGUE)) {
      expect(new URL(url).protocol).toBe('https:');
      if (kind === 'dataset') expect(md5).toMatch(/^[0-9a-f]{32}$/);
      else expect(browser).toContain(new URL(url).searchParams.get('id'));
    }
  });
});

describe('models of the zoo', () => {
  it('are at the paths that RobustBench gives them, each file on a page of its own', () => {
    const [file, ...others] = zooCatalogue('cifar10/Linf/Carmon2019Unlabeled');
    expect(others).toEqual([]);
    expect(file).toMatchObject({ kind: 'checkpoint', file: 'cifar10/Linf/Carmon2019Unlabeled.pt' });
    expect(file?.url).toContain('id=15tUx-gkZMYx7BfEOw1GY5OKC-jECIsPQ&');
    const deck = zooCatalogue('cifar10/corruptions/Diffenderfer2021Winning_LRR_CARD_Deck');
    expect(deck.map((entry) => entry.file.slice(-6))).toEqual([
      '_m0.pt',
      '_m1.pt',
      '_m2.pt',
      '_m3.pt',
      '_m4.pt',
      '_m5.pt',
    ]);
    expect(new Set(deck.map(({ url }) => url)).size).toBe(6);
    expect(zooCatalogue('imagenet/Linf/Standard_R50')[0]?.url).toBe(
      'https://download.pytorch.org/models/resnet50-0676ba61.pth',
    );
  });

  it('are known by their ids alone', async () => {
    expect(zooCatalogue('Carmon2019Unlabeled')).toEqual([]);
    await expectFailure(
      fetchNamed('Carmon2019Unlabeled', folder),
      InputError,
      /not known.*models that "igd zoo" lists/,
    );
  });
});
