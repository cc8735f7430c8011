import { DatasetError } from '../errors.ts';
import { type FileKind, fileKind, surelyFileKind } from '../numeric/file-kinds.ts';
import {
  type ArchiveMembers,
  CLASSES_FILE,
  ownClassNames,
  readBeside,
  readFolder,
  readTarGz,
} from './archive-members.ts';
import {
  binaryEncoding,
  CIFAR_IMAGE_SHAPE,
  type CifarBatch,
  type CifarEncoding,
  type CifarLayout,
  pythonEncoding,
} from './cifar-encodings.ts';
import { type Dataset, type DatasetSpec, datasetOf, type Split } from './dataset.ts';
import { isFolder, readBytes, readHead } from './files.ts';
import { notImages } from './other-kinds.ts';

type CifarSpec = DatasetSpec<'cifar10' | 'cifar100'>;

/** The batches of what was asked for, and the files that may name the classes. */
interface Contents {
  readonly encoding: CifarEncoding;
  readonly batches: readonly CifarBatch[];
  readonly found: ArchiveMembers['found'];
}

/** Reads CIFAR in whichever of its published forms `spec.path` is. Throws DatasetError. */
async function readCifar(layout: CifarLayout, spec: CifarSpec): Promise<Dataset> {
  const { path, limit } = spec;
  const { encoding, batches, found } = await readContents(layout, spec);
  const classNames = ownClassNames(found, path) ?? publishedClassNames(layout, encoding, found, path);
  const parts = {
    pixels: join(batches.map(({ pixels }) => pixels)),
    imageShape: CIFAR_IMAGE_SHAPE,
    labels: Int32Array.from(batches.flatMap(({ labels }) => Array.from(labels))),
    classes: classNames?.length ?? layout.classes,
    classNames,
  };
  return datasetOf(parts, limit, path);
}

async function readContents(layout: CifarLayout, { path, split }: CifarSpec): Promise<Contents> {
  const wanted = wantedNames(layout, split);
  if (await isFolder(path)) return fromMembers(layout, split, await readFolder(path, wanted), path);
  const kind = await cifarKind(path);
  if (kind === 'gzip') return fromMembers(layout, split, await readTarGz(path, wanted), path);
  const encoding = kind === 'pickle' ? layout.python : layout.binary;
  const batch = encoding.readBatch(await readBytes(path), path);
  return { encoding, batches: [batch], found: await readBeside(path, [CLASSES_FILE, encoding.namesMember]) };
}

function wantedNames({ binary, python }: CifarLayout, split: Split): ReadonlySet<string> {
  const ofEncoding = ({ members, namesMember }: CifarEncoding) => [...members[split], namesMember];
  return new Set([CLASSES_FILE, ...ofEncoding(binary), ...ofEncoding(python)]);
}

/** Throws DatasetError for what surely is another kind of file. */
async function cifarKind(path: string): Promise<FileKind> {
  const head = await readHead(path);
  const other = surelyFileKind(head);
  if (other !== 'other') throw notImages(path, other);
  // gzip and pickle are told by two bytes, which a label and a pixel can equal by chance: there the name decides.
  return path.endsWith('.bin') ? 'other' : fileKind(head);
}

function fromMembers(layout: CifarLayout, split: Split, { found, names }: ArchiveMembers, path: string): Contents {
  const encodings = [layout.binary, layout.python];
  const encoding = encodings.find(({ members }) => members[split].every((name) => found.has(name)));
  if (encoding === undefined) {
    const lists = encodings.map(({ members }) => members[split].join(', ')).join(' nor ');
    const held = names.length === 0 ? 'nothing' : names.slice(0, 8).join(', ');
    throw new DatasetError(
      `${path}: the ${split} images of ${layout.format} are neither ${lists}: it holds ${held}; ` +
        `is the format right? \`igd fetch ${layout.format}\` gets the published archive`,
    );
  }
  const batches = encoding.members[split].map((name) => encoding.readBatch(found.get(name)!, `${path}: ${name}`));
  return { encoding, batches, found };
}

function publishedClassNames(
  layout: CifarLayout,
  encoding: CifarEncoding,
  found: ArchiveMembers['found'],
  path: string,
): readonly string[] | undefined {
  const bytes = found.get(encoding.namesMember);
  if (bytes === undefined) return layout.classNames;
  const where = `${path}: ${encoding.namesMember}`;
  const names = encoding.readNames(bytes, where);
  if (names.length === layout.classes) return names;
  throw new DatasetError(
    `${where}: names ${names.length} classes, ${layout.format} has ${layout.classes}; get it again`,
  );
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let length = 0;
  for (const part of parts) {
    whole.set(part, length);
    length += part.length;
  }
  return whole;
}

const TRAIN = ['data_batch_1', 'data_batch_2', 'data_batch_3', 'data_batch_4', 'data_batch_5'];

export const CIFAR10: CifarLayout = {
  format: 'cifar10',
  classes: 10,
  classNames: ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'],
  binary: binaryEncoding(
    'cifar10',
    { train: TRAIN.map((name) => `${name}.bin`), test: ['test_batch.bin'] },
    'batches.meta.txt',
  ),
  python: pythonEncoding(
    { train: TRAIN, test: ['test_batch'] },
    { member: 'batches.meta', labelsKey: 'labels', namesKey: 'label_names' },
  ),
};

/**
 * CIFAR-10 from its published archives (binary or python), the folder either unpacks to, or one file of it, raw `.bin`
 * included. Throws DatasetError.
 */
export function readCifar10(spec: DatasetSpec<'cifar10'>): Promise<Dataset> {
  return readCifar(CIFAR10, spec);
}

export const CIFAR100: CifarLayout = {
  format: 'cifar100',
  classes: 100,
  binary: binaryEncoding('cifar100', { train: ['train.bin'], test: ['test.bin'] }, 'fine_label_names.txt'),
  python: pythonEncoding(
    { train: ['train'], test: ['test'] },
    { member: 'meta', labelsKey: 'fine_labels', namesKey: 'fine_label_names' },
  ),
};

/**
 * CIFAR-100 with its 100 fine classes, from its published archives (binary or python), the folder either unpacks to, or
 * one file of it, raw `.bin` included. Throws DatasetError.
 */
export function readCifar100(spec: DatasetSpec<'cifar100'>): Promise<Dataset> {
  return readCifar(CIFAR100, spec);
}
