import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { Dataset, DatasetSpec } from '../../../../src/datasets/dataset.ts';
import { datasetDigest } from '../../../../src/datasets/digest.ts';
import { openDataset } from '../../../../src/datasets/open.ts';
import { expectRefusal, put, tarGzOf, tarOf, temporaryFolder } from '../support.ts';
import { IMAGES, plainPng, png, tree } from './support.ts';

const folder = temporaryFolder();
type Options = Partial<DatasetSpec<'imagefolder'>>;
const specOf = (path: string, options: Options = {}): DatasetSpec<'imagefolder'> => ({
  format: 'imagefolder',
  path,
  split: 'test',
  ...options,
});
const open = (path: string, options?: Options) => openDataset(specOf(path, options));

/** In the order that torchvision 0.14's ImageFolder gives them; the image in each is of the grey level that is its place. */
const ORDER = ['a/2.png', 'a/b.PNG', 'a/b/0.png', 'a/b-c/1.png', 'a/b/z/1.png', 'a-b/1.png', 'b/x.png'];
const LABELS = [0, 0, 0, 0, 0, 1, 2];
let files: Record<string, Uint8Array | string>;
let root: string;

beforeAll(async () => {
  files = { 'a/readme.txt': 'no image', 'stray.png': await plainPng(99) };
  for (const [level, name] of ORDER.toReversed().entries()) files[name] = await plainPng(ORDER.length - 1 - level);
  root = tree(join(folder, 'root'), files);
});

async function levelsOf(dataset: Dataset): Promise<number[]> {
  const pixels = await dataset.pixels(0, dataset.count);
  const size = pixels.length / dataset.count;
  return Array.from({ length: dataset.count }, (_, i) => Math.round((pixels[i * size] ?? -1) * 255));
}

describe('class folders', () => {
  it("are in torchvision's order, images of nested folders included", async () => {
    const dataset = await open(root);
    expect(dataset).toMatchObject({ count: 7, classes: 3, classNames: ['a', 'a-b', 'b'], imageShape: [3, 4, 4] });
    expect(dataset.names).toEqual(ORDER);
    expect(Array.from(dataset.labels)).toEqual(LABELS);
    expect(await levelsOf(dataset)).toEqual([...ORDER.keys()]);
  });

  it('give planes in [0, 1] from interleaved bytes', async () => {
    const bytes = Uint8Array.from({ length: 12 }, (_, i) => i * 20);
    const path = tree(join(folder, 'planes'), { 'k/1.png': await png(bytes, 2, 2) });
    const expected = [0, 60, 120, 180, 20, 80, 140, 200, 40, 100, 160, 220].map((byte) => byte / 255);
    expect(await (await open(path)).pixels(0, 1)).toEqual(Float32Array.from(expected));
  });

  it('follow links, and a link back up once', async () => {
    const path = join(folder, 'linked');
    mkdirSync(join(path, 'b'), { recursive: true });
    symlinkSync(join(root, 'a'), join(path, 'a'));
    symlinkSync(path, join(path, 'b', 'up'));
    await put(join(path, 'b'), '1.png', await plainPng(7));
    const names = (await open(path)).names ?? [];
    expect(names.filter((name) => name.startsWith('a/'))).toEqual(ORDER.slice(0, 5));
    expect(names.length).toBeLessThan(20);
  });

  it('get their names from a classes.txt: in their order, or, where it lists the folders, by line', async () => {
    const named = tree(join(folder, 'named'), { ...files, 'classes.txt': 'ant\nbee\ncat\n' });
    expect(await open(named)).toMatchObject({ classNames: ['ant', 'bee', 'cat'], classes: 3 });
    const part = tree(join(folder, 'part'), { ...files, 'classes.txt': 'z\nb\na-b\na\n' });
    const dataset = await open(part);
    expect(Array.from(dataset.labels)).toEqual([3, 3, 3, 3, 3, 2, 1]);
    expect(dataset.classes).toBe(4);
    const wrong = tree(join(folder, 'misnamed'), { ...files, 'classes.txt': 'ant\nbee\n' });
    await expectRefusal(open(wrong), wrong, /names 2 classes for 3 folders/);
  });

  it('are decoded as asked, with the right shape', async () => {
    const path = tree(join(folder, 'photos'), {
      'a/p.png': readFileSync(join(IMAGES, 'pictures/photo.png')),
      'b/p.jpg': readFileSync(join(IMAGES, 'pictures/rotated.jpg')),
    });
    for (const [preprocessing, side] of [['Crop288', 288] as const, ['BicubicRes256Crop224', 224] as const]) {
      const dataset = await open(path, { preprocessing });
      expect(dataset.imageShape).toEqual([3, side, side]);
      expect((await dataset.gather([1, 0])).length).toBe(2 * 3 * side * side);
    }
    const tall = tree(join(folder, 'unequal'), {
      'a/1.png': await plainPng(1, 3, 5),
      'a/2.png': await plainPng(1, 5, 3),
    });
    const dataset = await open(tall);
    expect(dataset.imageShape).toEqual([3, 5, 3]);
    await expectRefusal(dataset.pixels(0, 2), `${tall}: a/2.png`, /is 5 x 3, a\/1\.png 3 x 5.*Res256Crop224/);
  });
});

describe('folders that ImageNet-C may be taken for', () => {
  it('are classes: one severity, numbers that hold images, corruptions without severities, and what classes.txt names', async () => {
    const one = await plainPng(1);
    const folders: Record<string, Record<string, Uint8Array | string>> = {
      severity: { 'n01/a.png': one, 'n02/b.png': one },
      digits: { '1/a.png': one, '2/b.png': one },
      kinds: { 'fog/a.png': one, 'snow/left/b.png': one },
      named: { '1/left/a.png': one, '2/right/b.png': one, 'classes.txt': '1\n2\n' },
    };
    for (const [name, content] of Object.entries(folders))
      expect(await open(tree(join(folder, `taken-${name}`), content)), name).toMatchObject({ count: 2, classes: 2 });
  });
});

describe('refusals', () => {
  it('a first image of no bytes, in a folder and in an archive, resized or not', async () => {
    const contents = { 'a/1.jpg': '', 'b/2.png': await plainPng(1) };
    const path = tree(join(folder, 'zero'), contents);
    const archive = await put(folder, 'zero.tar', await tarOf(contents));
    for (const place of [path, archive]) {
      await expectRefusal(open(place), place, /a\/1\.jpg: is empty; get it again, or leave it out/);
      const resized = await open(place, { preprocessing: 'Res224' });
      await expectRefusal(resized.pixels(0, 1), place, /a\/1\.jpg: is empty/);
      await expectRefusal(datasetDigest(specOf(place)), place, /a\/1\.jpg: is empty/);
    }
  });

  it('an empty class, no class, splits instead of classes, and kinds of images that would be passed over', async () => {
    const one = await plainPng(1);
    const cases: readonly [string, Record<string, Uint8Array | string>, RegExp][] = [
      ['empty', { 'a/1.png': one, 'b/': '', 'c/x.txt': '' }, /no JPEG, PNG or WebP image in b, c; every folder/],
      ['flat', { '1.png': one, '2.png': one }, /1\.png and others outside of class folders/],
      ['nothing', { 'x.txt': '' }, /holds no class folders/],
      [
        'fog',
        { '1/n01/a.png': one, '5/n02/b.png': one },
        /are severities of a corruption, as ImageNet-C has them, not classes: give the folder of one severity, such as .*fog\/1, or/,
      ],
      [
        'weather',
        { 'fog/1/n01/a.png': one, 'snow/3/n01/b.png': one },
        /are corruptions, .* such as .*weather\/fog\/1, or/,
      ],
      ['packed', { 'weather/fog/1/n01/a.png': one, 'noise/shot_noise/3/n01/b.png': one }, /\/noise\/shot_noise\/3, or/],
      ['splits', { 'train/a/1.png': one, 'val/a/1.png': one }, /train, val, not classes/],
      ['more-splits', { 'Training/a/1.png': one, 'Testing/a/1.png': one }, /Testing, Training, not classes/],
      [
        'outer',
        { 'set/a/1.png': one, 'set/b/1.png': one },
        /its only folder, set, has 2 folders .*give .*outer\/set if/,
      ],
      ['bitmap', { 'a/1.png': one, 'a/2.bmp': one }, /a\/2\.bmp is of a kind/],
    ];
    for (const [name, content, message] of cases) {
      const path = tree(join(folder, name), content);
      await expectRefusal(open(path), path, message);
    }
    await expectRefusal(open(join(folder, 'absent')), join(folder, 'absent'), /there is no such/);
  });

  it('an unreadable image, by its name', async () => {
    const cut = readFileSync(join(IMAGES, 'pictures/rotated.jpg')).subarray(0, 2000);
    const path = tree(join(folder, 'broken'), {
      'a/1.png': await plainPng(1),
      'a/2.png': 'no image',
      'a/3.jpg': cut,
      'a/4.png': Uint8Array.of(1, 2, 3),
    });
    const dataset = await open(path);
    await expectRefusal(dataset.gather([0, 1]), `${path}: a/2.png`, /is a text, no image/);
    await expectRefusal(dataset.gather([0, 3]), `${path}: a/4.png`, /no readable JPEG, PNG or WebP/);
    await expectRefusal((await open(path, { preprocessing: 'Crop288' })).gather([2]), `${path}: a/3.jpg`, /is cut off/);
  });

  it('archives that cannot be read image by image', async () => {
    const gz = await put(folder, 'a.tar.gz', await tarGzOf(files));
    await expectRefusal(open(gz), gz, /compressed archive.*tar -cf/);
    const text = await put(folder, 'a.txt', 'hello');
    await expectRefusal(open(text), text, /is a text, not images/);
    const bytes = await put(folder, 'a.raw', Uint8Array.of(1, 2, 3));
    await expectRefusal(open(bytes), bytes, /neither a folder of class folders nor a tar/);
  });
});

describe('what is beside images', () => {
  const SYSTEMS = ['@eaDir', '$RECYCLE.BIN', '$Recycle.Bin', '#recycle', '__MACOSX', 'lost+found', 'FOUND.000'];
  SYSTEMS.push('System Volume Information', 'Network Trash Folder', 'Temporary Items');

  it.each(SYSTEMS)('%s of a system is no class and holds no images of one, and that is said', async (name) => {
    const one = await plainPng(1);
    const inside = { 'a/1.png': one, [`a/${name}/1.png/thumb.jpg`]: one, 'b/1.png': one, [`${name}/a/1.png`]: one };
    const archive = await put(folder, 'system.tar', await tarOf(inside));
    for (const path of [tree(join(folder, `system ${name}`), inside), archive]) {
      const dataset = await open(path);
      expect(dataset).toMatchObject({ names: ['a/1.png', 'b/1.png'], classNames: ['a', 'b'] });
      expect(dataset.notes).toMatchObject([{ code: 'hidden-files', message: expect.stringContaining(name) }]);
    }
  });

  it('files that look like images and are not of the data set are said', async () => {
    const one = await plainPng(1);
    const path = tree(join(folder, 'beside'), {
      'a/1.png': one,
      'b/1.png': one,
      '3.png': one,
      'a/2.heic': 'x',
      'x.txt': '',
    });
    const { notes, count } = await open(path);
    expect(count).toBe(2);
    expect(notes).toMatchObject([
      { code: 'ignored-images', message: expect.stringMatching(/^2 files in .*(3.png|2.heic)/) },
    ]);
  });

  it('a link back to the folder itself does not give images of another class', async () => {
    const path = tree(join(folder, 'loop'), { 'a/1.png': await plainPng(1), 'b/1.png': await plainPng(2) });
    symlinkSync('..', join(path, 'a', 'up'));
    expect((await open(path)).names).toEqual(['a/1.png', 'b/1.png']);
    symlinkSync('nowhere', join(path, 'c'));
    await expectRefusal(open(path), `${path}/c`, /no such file or folder.*it is a link: bring back what it leads to/);
  });
});

it('two folders of one name, in one piece and taken apart, are refused: one class in two halves', async () => {
  const one = await plainPng(1);
  const halves = ['NFC', 'NFD'].map((form) => [`${'é'.normalize(form)}/1.png`, one] as const);
  const path = tree(join(folder, 'twins'), { ...Object.fromEntries(halves), 'z/1.png': one });
  await expectRefusal(open(path), path, /two folders called "é", .*put the images of both into one/);
});

describe('classes.txt', () => {
  const folders = async (name: string, classes: Uint8Array | string, letter = 'e') =>
    tree(join(folder, name), {
      [`${letter}/1.png`]: await plainPng(1),
      'f/1.png': await plainPng(2),
      'classes.txt': classes,
    });

  it('may be in UTF-16, and names folders of letters taken apart', async () => {
    const utf16 = Buffer.from('\ufefff\r\ne\r\n', 'utf16le');
    expect([...(await open(await folders('utf16', utf16))).labels]).toEqual([1, 0]);
    const apart = await open(await folders('apart', 'f\né\n'.normalize('NFC'), 'é'.normalize('NFD')));
    expect(apart.names).toEqual(['é/1.png'.normalize('NFD'), 'f/1.png']);
    expect([...apart.labels]).toEqual([1, 0]);
    const list = await put(folder, 'apart.txt', Buffer.from('\ufefff/1.png\r\né/1.png'.normalize('NFC'), 'utf16le'));
    expect([...(await open(join(folder, 'apart'), { list })).labels]).toEqual([0, 1]);
  });

  it.each([
    ['only some folders', 'f\nz\n', /line 1 of classes.txt is "f", and folder 0 is "e"/],
    ['folders in capitals', 'F\nE\n', /line 1 of classes.txt is "F"/],
    ['folders behind numbers', '0 f\n1 e\n', /line 1 of classes.txt is "0 f"/],
    ['folders with slashes', 'f/\ne/\n', /line 1 of classes.txt is "f\/"/],
    ['folders in quotes', '"f"\n"e"\n', /line 1 of classes.txt is ""f""/],
    ['a folder twice', 'e\nf\ne\n', /names the folder "e" twice/],
    ['no text in UTF-8', Buffer.from([0xe9, 0x0a, 0x66]), /classes.txt is not UTF-8 \(line 1\)/],
  ])('with %s in another order is refused: labels would be those of others', async (name, classes, why) => {
    const path = await folders(name, classes);
    await expectRefusal(open(path), path, why);
  });

  it.each(['Classes.txt', 'classes.txt.txt'])('is not %s, which is refused, not passed over', async (name) => {
    const path = tree(join(folder, `as ${name}`), { 'a/1.png': await plainPng(1), 'b/1.png': '', [name]: 'b\na\n' });
    await expectRefusal(open(path), path, /classes\.txt is read: rename it, or remove it/i);
  });

  it('may give names to read, or say the folders with them, in their order', async () => {
    expect((await open(await folders('readable', 'crane\ncrane\n'))).classNames).toEqual(['crane', 'crane']);
    expect((await open(await folders('mapped', 'e: tench\nf: goldfish\n'))).classNames?.[1]).toBe('f: goldfish');
  });
});

describe('a tar archive', () => {
  it('with a readme beside its outer folder is still that folder', async () => {
    const one = await plainPng(1);
    const tar = await put(folder, 'readme.tar', await tarOf({ README: 'x', 'top/a/1.png': one, 'top/b/1.png': one }));
    expect((await open(tar)).names).toEqual(['a/1.png', 'b/1.png']);
  });

  it('with another behind it, or packed without zeros, is refused: images would be missing', async () => {
    const bytes = await tarOf({ 'a/1.png': await plainPng(1), 'b/1.png': await plainPng(1) });
    const two = await put(folder, 'two.tar', Buffer.concat([bytes, bytes]));
    await expectRefusal(open(two), two, /several tar archives in one file/);
    const sparse = await put(folder, 'sparse.tar', withType(bytes, 'S'));
    await expectRefusal(open(sparse), sparse, /"a\/1.png" is packed without its zeros/);
    const together = await put(folder, 'together.tar', withType(bytes, '7'));
    expect((await open(together)).count).toBe(2);
  });

  it.each(['', './', 'val/', './data/val/'])('is the folder it was made of, below "%s"', async (prefix) => {
    const below = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [prefix + name, bytes]));
    delete below[`${prefix}stray.png`];
    const tar = await put(folder, 'images.tar', await tarOf(below));
    const dataset = await open(tar);
    expect(dataset.names).toEqual(ORDER);
    expect(Array.from(dataset.labels)).toEqual(LABELS);
    expect(await levelsOf(dataset)).toEqual([...ORDER.keys()]);
    expect(await datasetDigest(specOf(tar))).toBe(await datasetDigest(specOf(root)));
  });

  it('may hold long names, in pax headers', async () => {
    const name = `${'long'.repeat(30)}/${'name'.repeat(40)}.png`;
    const tar = await put(folder, 'long.tar', await tarOf({ [name]: await plainPng(5), 'ä/ö.png': await plainPng(6) }));
    const dataset = await open(tar);
    expect(dataset.names).toEqual([name, 'ä/ö.png']);
    expect(await levelsOf(dataset)).toEqual([5, 6]);
  });

  it("may be GNU's", async () => {
    const path = join(IMAGES, 'gnu.tar');
    const dataset = await open(path);
    expect(dataset.names).toEqual(['one/a.png', `two/${'deep/'.repeat(30)}b.png`]);
    expect(await levelsOf(dataset)).toEqual([40, 80]);
  });

  it('that was cut off is refused', async () => {
    const bytes = await tarOf(files);
    for (const length of [700, bytes.length - 1500]) {
      const path = await put(folder, `cut-${length}.tar`, bytes.subarray(0, length));
      await expectRefusal(open(path), path, /not a whole tar archive/);
    }
    const wrong = Buffer.from(bytes);
    wrong[1024] = 7;
    const path = await put(folder, 'wrong.tar', wrong);
    await expectRefusal(open(path), path, /not a whole tar archive \(no header at byte 1024\)/);
    wrong[0]! ^= 1;
    const first = await put(folder, 'wrong-first.tar', wrong);
    await expectRefusal(open(first), first, /not a whole tar archive \(no header at byte 0\)/);
  });

  it('with a link in it is refused: passed over, an image would be lost', async () => {
    const bytes = Buffer.from(await tarOf({ 'a/1.png': await plainPng(1), 'a/2.png': '' }));
    const at = bytes.indexOf('a/2.png');
    bytes[at + 156] = '1'.charCodeAt(0);
    // The checksum, in octal at 148, grows with the type.
    const sum = Number.parseInt(bytes.toString('latin1', at + 148, at + 154), 8) + 1;
    bytes.write(sum.toString(8).padStart(6, '0'), at + 148);
    const path = await put(folder, 'links.tar', bytes);
    await expectRefusal(open(path), path, /"a\/2\.png" is a link; pack the files themselves/);
  });

  it('with an empty class folder is refused as a folder is', async () => {
    const path = await put(folder, 'empty.tar', await tarOf({ 'a/1.png': await plainPng(1), 'b/': '' }));
    await expectRefusal(open(path), path, /image in b; every folder/);
  });
});

describe('list files', () => {
  const list = (text: string) => put(folder, 'list.txt', text);

  it('take their images in their order, from whichever folder up they name them', async () => {
    const path = await list('# RobustBench\nval/b/x.png\n\n./a/2.png\ndata/val/a/b/0.png\r\n');
    const dataset = await open(root, { list: path });
    expect(dataset.names).toEqual(['b/x.png', 'a/2.png', 'a/b/0.png']);
    expect(Array.from(dataset.labels)).toEqual([2, 0, 0]);
    expect(dataset.classes).toBe(3);
    expect((await open(root, { list: path, limit: 2 })).count).toBe(2);
  });

  it('may give labels, also to images in no class folder', async () => {
    const path = await list('b/x.png 7\na/2.png,3\n');
    const dataset = await open(root, { list: path });
    expect(Array.from(dataset.labels)).toEqual([7, 3]);
    expect(dataset).toMatchObject({ classes: 8, classNames: undefined });
    const flat = tree(join(folder, 'flat-listed'), { 'v 1.png': await plainPng(1), 'v 2.png': await plainPng(2) });
    const listed = await open(flat, { list: await list('v 2.png 1\nv 1.png 0\n') });
    expect(await levelsOf(listed)).toEqual([2, 1]);
  });

  it('are refused for what is not there, is there twice, or has labels in part', async () => {
    const unknown = await list('a/9.png\nb/x.png\nc/8.png\nc/7.png\nc/6.png\n');
    await expectRefusal(open(root, { list: unknown }), unknown, /a\/9\.png, c\/8\.png, c\/7\.png, \.\.\. \(4 images\)/);
    await expectRefusal(open(root, { list: await list('a/2.png\nval/a/2.png\n') }), unknown, /listed twice/);
    await expectRefusal(open(root, { list: await list('a/2.png 1\nb/x.png\n') }), unknown, /"b\/x\.png" has none/);
    await expectRefusal(open(root, { list: await list('\n') }), unknown, /lists no images/);
    await expectRefusal(open(root, { list: await list('stray.png\n') }), unknown, /stray\.png is not in the data set/);
  });
});

describe('digest', () => {
  it('hangs on content, names, labels, selection and preprocessing, and on nothing else', async () => {
    const copy = tree(join(folder, 'copy'), { ...files, 'stray.png': 'other', 'a/readme.txt': 'other' });
    const base = await datasetDigest(specOf(root));
    expect(await datasetDigest(specOf(copy))).toBe(base);
    const changed = tree(join(folder, 'changed'), { ...files, 'b/x.png': await plainPng(77) });
    const others = await Promise.all([
      datasetDigest(specOf(changed)),
      datasetDigest(specOf(root, { preprocessing: 'Crop288' })),
      datasetDigest(specOf(root, { limit: 6 })),
      datasetDigest(specOf(root, { sample: { fraction: 0.5, seed: 0 } })),
      datasetDigest(specOf(root, { list: await put(folder, 'd.txt', ORDER.map((name) => `${name} 1`).join('\n')) })),
    ]);
    expect(new Set([base, ...others]).size).toBe(6);
    // An image that is not asked for does not count.
    const four = { limit: 4 };
    expect(await datasetDigest(specOf(changed, four))).toBe(await datasetDigest(specOf(root, four)));
  });
});

it('the digest of an archive is asked anew where its list has changed', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 });
  const path = await put(folder, 'listed.tar', await tarOf(files));
  const digests = [];
  for (const label of [0, 1]) {
    const list = await put(folder, 'listed.txt', `a/2.png ${label}\n`);
    digests.push(await datasetDigest(specOf(path, { list })));
  }
  vi.useRealTimers();
  expect(digests[0]).not.toBe(digests[1]);
});

describe('memory', () => {
  it('does not grow with the images read', async () => {
    const count = 400;
    const images = Array.from({ length: count }, (_, i) => `${i % 2}/${i}.png`);
    const one = await plainPng(3, 64);
    const dataset = await open(tree(join(folder, 'many'), Object.fromEntries(images.map((name) => [name, one]))));
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const held = () => {
      collect();
      return process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
    };
    await dataset.pixels(0, 20);
    const before = held();
    for (let first = 0; first < count; first += 20) await dataset.pixels(first, 20);
    // As floats the images are 19.7 MB; other tests of this process leave some of theirs behind.
    expect(held() - before).toBeLessThan(12e6);
  });
});

/** The archive with another type of its first member, and the checksum of that. */
function withType(tar: Uint8Array, type: string): Uint8Array {
  const changed = Buffer.from(tar);
  changed.write(type, 156, 'latin1');
  changed.fill(' ', 148, 156);
  const sum = changed.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  changed.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return changed;
}
