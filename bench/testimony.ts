import { openDataset } from '../src/datasets/open.ts';
import { InputError } from '../src/errors.ts';
import { testimonyImages } from '../src/evaluation/testimony/images.ts';
import { blockReadings, normalizations } from '../src/evaluation/testimony/rivals.ts';
import { type Judged, ReadingTrial } from '../src/evaluation/testimony/search.ts';
import { openReadable } from '../src/runs/inputs/open-classifier.ts';
import { onnxRuntime } from '../src/runtime/session.ts';

/**
 * How near every reading of a model comes to the statistics of its BatchNorms, the nearest first: the numbers behind the
 * thresholds of src/evaluation/testimony. Usage: npx tsx bench/testimony.ts CHECKPOINT CIFAR_BIN
 */
const [path = '', data = ''] = process.argv.slice(2);
const images = await openDataset({ format: 'cifar10', path: data, split: 'train' });
const readable = await openReadable({ path, layout: 'NCHW', imageShape: images.imageShape });
const trial = new ReadingTrial(readable, await testimonyImages(images), onnxRuntime({ threads: 2 }));

const judged = new Map<string, Judged>();
for (const options of normalizations({}, images.imageShape[0]).flatMap(blockReadings)) {
  const one = await trial.judge(options).catch((error: unknown) => {
    // The model has no such choice.
    if (error instanceof InputError) return undefined;
    throw error;
  });
  if (one !== undefined) judged.set(one.reading.map(({ key, value }) => `${key} ${value}`).join('; '), one);
}
const nearest = [...judged].sort(([, a], [, b]) => a.misfit - b.misfit);
for (const [reading, { misfit }] of nearest) console.log(`${misfit.toFixed(3)}  ${reading}`);
