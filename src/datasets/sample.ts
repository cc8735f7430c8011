import { streamOf } from '../random/stream.ts';
import { type Dataset, datasetReading } from './dataset.ts';
import type { SampleSpec } from './spec.ts';

/**
 * Indices, ascending, of a sample with the same share of every class: of n images round(fraction * n), but at least one. Each image
 * draws a number from a stream keyed by the seed and its name (its index, where it has none), and a class keeps the
 * images with the lowest: a sample does not depend on the order of files, and a larger one of the same seed contains it.
 */
export function sampleByClass(
  { labels, names }: Pick<Dataset, 'labels' | 'names'>,
  { fraction, seed }: SampleSpec,
): number[] {
  const byClass = new Map<number, { index: number; draw: number }[]>();
  for (const [index, label] of labels.entries()) {
    const image = { index, draw: streamOf([seed, 'sample', names?.[index] ?? index]).uniform() };
    const images = byClass.get(label);
    if (images === undefined) byClass.set(label, [image]);
    else images.push(image);
  }
  const kept = [...byClass.values()].flatMap((images) => {
    const count = Math.max(1, Math.round(fraction * images.length));
    return images.sort((a, b) => a.draw - b.draw || a.index - b.index).slice(0, count);
  });
  return kept.map(({ index }) => index).sort((a, b) => a - b);
}

/** The images of these indices as a dataset of their own, numbered anew from 0. */
export function subsetOf(dataset: Dataset, indices: readonly number[]): Dataset {
  const { imageShape, classes, classNames, labels, names } = dataset;
  const facts = {
    imageShape,
    classes,
    classNames,
    labels: Int32Array.from(indices, (index) => labels[index]!),
    names: names && indices.map((index) => names[index]!),
  };
  return datasetReading(facts, async (wanted, images) => {
    images.set(await dataset.gather(wanted.map((index) => indices[index]!)));
  });
}
