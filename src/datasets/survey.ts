import { createHash } from 'node:crypto';
import { imagesText } from '../numeric/ranges.ts';
import type { Note } from '../schemas/notes.ts';
import type { Dataset, DatasetSpec } from './dataset.ts';
import { type ImageIndex, indexImages } from './image/index-images.ts';
import { isDeepGrey, PNG_HEADER } from './image/png-header.ts';
import { requireWholeImage } from './image/whole-file.ts';
import { parquetDigests } from './parquet/read-parquet.ts';

/** What a data set is like that takes reading its images. */
export interface ImageSurvey {
  /** Groups of images that are equal, byte for byte, each rising. */
  readonly copies: number[][];
  readonly notes: Note[];
}

/**
 * Looks for images that are there several times, and for files that igd decodes otherwise than PIL. Of a folder only files of the same size
 * are read for it. Throws DatasetError.
 */
export async function surveyImages(spec: DatasetSpec, dataset: Dataset): Promise<ImageSurvey> {
  if (spec.format === 'parquet') {
    // Encoded: to decode them all would take longer than to plan the run. Of a folder the digest looks at them.
    const deep: string[] = [];
    const digests = await parquetDigests(spec, (bytes, where) => {
      requireWholeImage(bytes, where);
      if (isDeepGrey(bytes)) deep.push(where);
      return digestOf(bytes);
    });
    const copies = groupsOf(digests);
    return { copies, notes: [...copyNotes(copies, dataset), ...deepGreyNotes(deep)] };
  }
  if (spec.format !== 'imagefolder') {
    const copies = groupsOf(await digestsOf(dataset));
    return { copies, notes: copyNotes(copies, dataset) };
  }
  const index = await indexImages(spec);
  const copies = groupsOf(await fileDigests(index));
  return { copies, notes: [...copyNotes(copies, dataset), ...deepGreyNotes(await deepGreyFiles(index))] };
}

const HASHED_AT_ONCE = 256;

async function digestsOf(dataset: Dataset): Promise<string[]> {
  const digests: string[] = [];
  for (let first = 0; first < dataset.count; first += HASHED_AT_ONCE) {
    const count = Math.min(HASHED_AT_ONCE, dataset.count - first);
    const bytes = await bytesOf(dataset, first, count);
    const size = bytes.length / count;
    for (let row = 0; row < count; row++) digests.push(digestOf(bytes.subarray(row * size, (row + 1) * size)));
  }
  return digests;
}

async function bytesOf({ stored, pixels }: Dataset, first: number, count: number): Promise<Uint8Array> {
  if (stored !== undefined) return stored(first, count);
  const { buffer, byteOffset, byteLength } = await pixels(first, count);
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Files of a size of their own have no copy, and their name for a digest. */
async function fileDigests({ images, read }: ImageIndex): Promise<string[]> {
  const ofSize = new Map<number, number>();
  for (const { size } of images) ofSize.set(size, (ofSize.get(size) ?? 0) + 1);
  const digests: string[] = [];
  for (const { name, size } of images)
    digests.push(ofSize.get(size) === 1 ? `file ${name}` : digestOf(await read(name)));
  return digests;
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function groupsOf(digests: readonly string[]): number[][] {
  const groups = new Map<string, number[]>();
  for (const [image, digest] of digests.entries()) {
    const group = groups.get(digest);
    if (group === undefined) groups.set(digest, [image]);
    else group.push(image);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

function copyNotes(copies: readonly (readonly number[])[], { count, labels }: Dataset): Note[] {
  const [first] = copies;
  if (first === undefined) return [];
  const surplus = copies.reduce((sum, group) => sum + group.length - 1, 0);
  const atOdds = copies.filter((group) => group.some((image) => labels[image] !== labels[group[0]!]));
  const odds = atOdds.length === 0 ? '' : `; ${atOdds.length} of them with different labels, ${imagesText(atOdds[0]!)}`;
  return [
    {
      code: 'copies',
      message:
        `${count - surplus} of the ${count} images are distinct, the others are copies (${imagesText(first)}, ...)${odds}: intervals and tests ` +
        'count copies as one',
    },
  ];
}

async function deepGreyFiles({ images, read }: ImageIndex): Promise<string[]> {
  const deep: string[] = [];
  for (const { name } of images) if (/\.png$/i.test(name) && isDeepGrey(await read(name, PNG_HEADER))) deep.push(name);
  return deep;
}

function deepGreyNotes(names: readonly string[]): Note[] {
  const [first] = names;
  if (first === undefined) return [];
  return [
    {
      code: 'deep-grey',
      message:
        `${names.length} of the images are grey PNGs of 16 bits (${first}, ...): igd scales them to 8 bits, PIL's convert('RGB'), ` +
        'and so torchvision, cuts every value above 255 to 255. If the model was trained on the latter, convert the files as it did',
    },
  ];
}
