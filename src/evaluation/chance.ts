import { ModelError } from '../errors.ts';
import { binomialTail } from '../numeric/statistics.ts';
import type { MeteredModel } from './onnx-model.ts';
import { type PredictOptions, predictImages } from './predict.ts';

/** Labelled images, as far as they are looked at. */
export interface JudgedData {
  readonly count: number;
  readonly labels: Int32Array;
  readonly imageShape: readonly [number, number, number];
  gather(indices: ArrayLike<number>): Promise<Float32Array>;
}

/** Of fewer images no run is ended, and no more are looked at. */
const FEWEST = 64;
const MOST = 256;
/** Of so few a good model may be wrong on all. */
const FEWEST_FLAGGED = 8;
/** A model that guesses is let pass with this probability. */
const LET_PASS = 0.01;
/** Images of which no pixel is brighter are divided by 255 twice: 255 / 255 / 255 is 0.004. */
const DARK = 0.02;

/** Whether so many right answers are what guessing among the classes gives: the exact binomial test, one-sided. */
export function isChance(correct: number, images: number, classes: number): boolean {
  return images >= FEWEST && binomialTail(correct, images, 1 / classes) > LET_PASS;
}

/** Whether no more answers are right than guessing gives, of images too few to be sure that it is no bad luck. */
export function mayBeChance(correct: number, images: number, classes: number): boolean {
  return images >= FEWEST_FLAGGED && images < FEWEST && correct <= images / classes;
}

/** What is wrong where a model is no better than chance, in words, with the likely cause. */
export interface ChanceProblem {
  readonly message: string;
  /** Of a few images it is said, and a run goes on. */
  readonly endsRun: boolean;
}

/**
 * Whether a model is no better than chance on clean images; undefined where it is better. The most frequent trouble of all with other
 * people's models and data: it is to be known before any attack is paid for.
 */
export async function chanceProblem(
  model: MeteredModel,
  data: JudgedData,
  options: PredictOptions,
): Promise<ChanceProblem | undefined> {
  const count = Math.min(MOST, data.count);
  const images = Array.from({ length: count }, (_, i) => Math.floor((i * data.count) / count));
  const x = await data.gather(images);
  const labels = images.map((image) => data.labels[image]!);
  const brightest = x.reduce((most, value) => Math.max(most, value), 0);
  if (brightest < DARK)
    return {
      message: `no pixel of ${count} images is above ${brightest.toPrecision(2)}, where white is 1: they are divided by 255 twice`,
      endsRun: true,
    };
  const predicted = await predictImages(model, { x, images }, options, ['chance']);
  const correct = labels.filter((label, i) => label === predicted[i]).length;
  const found = `it gets ${correct} of ${count} clean images right`;
  if (mayBeChance(correct, count, model.classes))
    return { message: `${found}, as guessing among ${model.classes} classes does: ${LIKELY_CAUSES}`, endsRun: false };
  if (!isChance(correct, count, model.classes)) return undefined;
  const swapped = await predictImages(model, { x: withSwappedChannels(x, data.imageShape), images }, options, [
    'chance',
  ]);
  const asBgr = labels.filter((label, i) => label === swapped[i]).length;
  const cause = isChance(asBgr, count, model.classes)
    ? causeOf(predicted, labels, model.classes)
    : `with red and blue swapped it gets ${asBgr} right: the images are BGR, or the model wants them so`;
  return { message: `${found}, no better than chance among ${model.classes} classes: ${cause}`, endsRun: true };
}

/** Throws ModelError with the problem, and what goes on all the same. */
export async function requireAboveChance(
  name: string,
  model: MeteredModel,
  data: JudgedData,
  options: PredictOptions,
): Promise<void> {
  const problem = await chanceProblem(model, data, options);
  if (problem?.endsRun === true)
    throw new ModelError(
      `${name}: ${problem.message}. Where that is known, "allowChance": true in the config (igd run --yes) goes on`,
    );
}

/**
 * Images right under other names of the classes are of another order where they are nearer to all than to what guessing gives: of two
 * classes a guess is right on half of them under one name or the other.
 */
function isOtherOrder(renamed: number, images: number, classes: number): boolean {
  return renamed / images > (1 + 1 / classes) / 2;
}

const LIKELY_CAUSES =
  'the likely causes are images normalised twice, or not as the model was trained (mean and std), classes in another order, ' +
  'other data, or weights of before the training';

function causeOf(predicted: Int32Array, labels: readonly number[], classes: number): string {
  if (labels.length > 1 && labels.every((label) => label === labels[0]))
    return `all labels are ${labels[0]}: are they those of the images?`;
  const renamed = rightWhereRenamed(predicted, labels);
  if (isOtherOrder(renamed, labels.length, classes))
    return `${renamed} would be right under other labels: its classes are in another order than the data's`;
  return LIKELY_CAUSES;
}

/**
 * Of how many images the label would be predicted if classes had each another's name, the most frequent pairs first; 0 where one class is
 * predicted of all, whose name may as well be the most frequent label's.
 */
function rightWhereRenamed(predicted: Int32Array, labels: readonly number[]): number {
  const times = new Map<string, { from: number; to: number; count: number }>();
  for (const [i, to] of labels.entries()) {
    const pair = times.get(`${predicted[i]} ${to}`) ?? { from: predicted[i]!, to, count: 0 };
    times.set(`${pair.from} ${to}`, { ...pair, count: pair.count + 1 });
  }
  const names = new Map<number, number>();
  let right = 0;
  for (const { from, to, count } of [...times.values()].sort((a, b) => b.count - a.count)) {
    if (names.has(from) || [...names.values()].includes(to)) continue;
    names.set(from, to);
    right += count;
  }
  return names.size > 1 ? right : 0;
}

/** [n, C, H, W] with the first and the last channel changed about. */
function withSwappedChannels(
  x: Float32Array,
  [channels, height, width]: readonly [number, number, number],
): Float32Array {
  const plane = height * width;
  const size = channels * plane;
  const swapped = x.slice();
  for (let image = 0; image < x.length; image += size) {
    const last = image + size - plane;
    swapped.copyWithin(image, last, last + plane);
    swapped.set(x.subarray(image, image + plane), last);
  }
  return swapped;
}
