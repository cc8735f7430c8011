import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import type { DatasetSpec } from '../../src/datasets/dataset.ts';
import { openDataset } from '../../src/datasets/open.ts';
import { keyedStream } from '../../src/numeric/random.ts';
import { openClassifier } from '../../src/runs/inputs/open-classifier.ts';
import type { RunConfig } from '../../src/schemas/config.ts';
import { modelOf, streams } from './models.ts';

/**
 * Two images to evaluate, labelled as a network labels them (attacks begin with images it gets right), and two of each class
 * to rank on. What is in them is noise.
 */

const IMAGES = 2;
const CIFAR_BYTES = 3 * 32 * 32;

type Paths = Pick<RunConfig['dataset'], 'test' | 'probe' | 'testList'>;

/** Files of CIFAR-10 or CIFAR-100 records. */
export async function standInCifar(
  folder: string,
  format: 'cifar10' | 'cifar100',
  checkpoint: string,
  classes: number,
): Promise<Paths> {
  const [test, probe] = [join(folder, 'test.bin'), join(folder, 'train.bin')];
  mkdirSync(folder, { recursive: true });
  const write = (path: string, labels: readonly number[]) => writeFileSync(path, cifarRecords(format, path, labels));
  write(test, Array<number>(IMAGES).fill(0));
  write(test, await predictions(checkpoint, { format, path: test, split: 'test' }));
  write(
    probe,
    Array.from({ length: 2 * classes }, (_, image) => image % classes),
  );
  return { test, probe };
}

/** https://www.cs.toronto.edu/~kriz/cifar.html: a label byte, in CIFAR-100 after that of its superclass, then the pixels. */
function cifarRecords(format: 'cifar10' | 'cifar100', path: string, labels: readonly number[]): Buffer {
  const stream = keyedStream(['stand-in', path.endsWith('test.bin') ? 'test' : 'train']);
  const records = labels.map((label) => {
    const pixels = Buffer.from(Uint8Array.from({ length: CIFAR_BYTES }, () => stream.integer(256)));
    return Buffer.concat([Buffer.from(format === 'cifar10' ? [label] : [0, label]), pixels]);
  });
  return Buffer.concat(records);
}

/** Folders of PNGs, a folder a class, and a list of the two images to evaluate. */
export async function standInImages(
  folder: string,
  preprocessing: RunConfig['dataset']['preprocessing'],
  checkpoint: string,
  classes: number,
): Promise<Paths> {
  const [test, probe, testList] = [join(folder, 'val'), join(folder, 'train'), join(folder, 'ids.txt')];
  for (let label = 0; label < classes; label++) {
    for (const image of [0, 1]) await writeImage(join(probe, synset(label)), `train_${image}.png`);
    await writeImage(join(test, synset(label)), `other_${label}.png`);
  }
  const names = Array.from({ length: IMAGES }, (_, image) => `val_${image}.png`);
  for (const name of names) await writeImage(join(test, synset(0)), name);
  const listAs = (labels: readonly number[]) => {
    const lines = names.map((name, image) => `val/${synset(labels[image] ?? 0)}/${name}`);
    writeFileSync(testList, `${lines.join('\n')}\n`);
  };
  listAs([0, 0]);
  const labels = await predictions(checkpoint, {
    ...{ format: 'imagefolder', path: test, split: 'test' },
    ...{ preprocessing, list: testList },
  });
  for (const [image, name] of names.entries())
    renameSync(join(test, synset(0), name), join(test, synset(labels[image] ?? 0), name));
  listAs(labels);
  return { test, probe, testList };
}

/** Named as ImageNet's classes are. */
function synset(label: number): string {
  return `n${String(label).padStart(8, '0')}`;
}

async function writeImage(folder: string, name: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const stream = keyedStream(['stand-in', folder.split('/').at(-1) ?? '', name]);
  const raw = { width: 40, height: 48, channels: 3 } as const;
  const pixels = Uint8Array.from({ length: raw.width * raw.height * raw.channels }, () => stream.integer(256));
  await sharp(pixels, { raw }).png().toFile(join(folder, name));
}

/** What the network says of the first images. */
async function predictions(checkpoint: string, spec: DatasetSpec): Promise<number[]> {
  const dataset = await openDataset(spec);
  const model = modelOf(await openClassifier({ path: checkpoint, imageShape: dataset.imageShape }));
  const logits = await model.logits(await dataset.pixels(0, IMAGES), streams(IMAGES));
  await model.release();
  const rows = Array.from({ length: IMAGES }, (_, image) => [
    ...logits.subarray(image * model.classes, (image + 1) * model.classes),
  ]);
  return rows.map((row) => row.indexOf(Math.max(...row)));
}
