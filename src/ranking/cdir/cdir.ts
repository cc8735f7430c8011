import type { Dataset } from '../../datasets/dataset.ts';
import type { Scores } from '../../defense/mask-set.ts';
import { RankingError, RunError } from '../../errors.ts';
import { type Classifier, IMAGE_INPUT, type MaskLayer, unitMeans } from '../../models/classifier.ts';
import { type Clip, type Embeddings, openEncoder } from '../../models/clip/clip.ts';
import { preprocess } from '../../models/clip/preprocess.ts';
import { type Tokenizer, tokenize } from '../../models/clip/tokenizer.ts';
import { isFiniteRow } from '../../numeric/float32.ts';
import { rowOf } from '../../numeric/rows.ts';
import { float32 } from '../../numeric/tensor.ts';
import { outputOf, type Runtime } from '../../onnx/runtime.ts';
import { subgraph } from '../../onnx/splice.ts';
import type { SimilaritySpec } from '../../schemas/similarities.ts';
import { similarity } from './similarities.ts';

export interface CdirOptions extends PassOptions {
  /** CLIP's embeddings of the probe images, [N, E], and of the names of the classes, [C, E]. */
  readonly images: Embeddings;
  readonly concepts: Embeddings;
  readonly similarity: SimilaritySpec;
}

/**
 * CLIP-Dissect importance (CD-IR): scores[j, c] says how much unit j is active on the images that CLIP finds like the name
 * of class c (IG-Defense, section 3). Labels are not looked at.
 */
export async function cdirScores(
  classifier: Classifier,
  layer: MaskLayer,
  probe: Dataset,
  { images, concepts, similarity: spec, ...options }: CdirOptions,
): Promise<Scores> {
  if (images.size !== concepts.size)
    throw new RankingError(
      `CLIP embeds images in ${images.size} numbers and texts in ${concepts.size}: image and text encoder are of different CLIPs`,
    );
  const activations = await unitActivations(classifier, layer, probe, options);
  const features = { images: probe.count, units: layer.units, concepts: concepts.count, activations };
  const scores = similarity({ ...features, cosines: cosinesOf(images, concepts) }, spec);
  return { units: layer.units, classes: concepts.count, data: Float32Array.from(scores) };
}

export interface PassOptions {
  readonly batchSize: number;
  readonly runtime: Runtime;
  /** Images done so far. */
  readonly progress?: ((done: number) => void) | undefined;
}

/** Activation of every unit on every probe image, its mean over positions: [N, D]. Only the trunk is run. */
async function unitActivations(
  classifier: Classifier,
  layer: MaskLayer,
  probe: Dataset,
  { batchSize, runtime, progress }: PassOptions,
): Promise<Float32Array> {
  const activations = new Float32Array(probe.count * layer.units);
  const trunk = await runtime.createSession(subgraph(classifier.model, [IMAGE_INPUT], [layer.tensor]));
  try {
    for (let first = 0; first < probe.count; first += batchSize) {
      const count = Math.min(batchSize, probe.count - first);
      const x = float32([count, ...classifier.imageShape], await probe.pixels(first, count));
      const values = outputOf(await trunk.run({ [IMAGE_INPUT]: x }), layer.tensor);
      const means = unitMeans(values, layer);
      requireNumbers(means, layer.units, first, `the activations of ${layer.name}`);
      activations.set(means, first * layer.units);
      progress?.(first + count);
    }
  } finally {
    await trunk.release();
  }
  return activations;
}

/** Throws RunError that names the first probe image of a batch whose numbers are not all finite: any order with them is made up. */
function requireNumbers(values: Float32Array, size: number, first: number, what: string): void {
  for (let row = 0; row < values.length / size; row++) {
    if (!isFiniteRow(rowOf(values, row, size)))
      throw new RunError(
        `probe image ${first + row} cannot be ranked on: ${what} is NaN or infinite there; leave it out`,
      );
  }
}

/** CLIP's embeddings of every probe image, [N, E], not of length 1. */
export async function imageEmbeddings(
  clip: Clip,
  probe: Dataset,
  { batchSize, runtime, progress }: PassOptions,
): Promise<Embeddings> {
  const encoder = await openEncoder(clip.image, runtime);
  const batches: Embeddings[] = [];
  try {
    for (let first = 0; first < probe.count; first += batchSize) {
      const count = Math.min(batchSize, probe.count - first);
      const pixels = await probe.pixels(first, count);
      const batch = await encoder.encode(preprocess(pixels, probe.imageShape, clip.resolution));
      requireNumbers(batch.data, batch.size, first, "CLIP's embedding");
      batches.push(batch);
      progress?.(first + count);
    }
  } finally {
    await encoder.release();
  }
  return joined(batches);
}

/** CLIP's embeddings of the concepts, each the bare name without a prompt around it, as the public code has them: [C, E]. */
export async function textEmbeddings(
  clip: Clip,
  tokenizer: Tokenizer,
  concepts: readonly string[],
  { batchSize, runtime }: { readonly batchSize: number; readonly runtime: Runtime },
): Promise<Embeddings> {
  const encoder = await openEncoder(clip.text, runtime);
  const batches: Embeddings[] = [];
  try {
    for (let first = 0; first < concepts.length; first += batchSize) {
      const names = concepts.slice(first, first + batchSize);
      batches.push(await encoder.encode(tokenize(tokenizer, names, clip.contextLength)));
    }
  } finally {
    await encoder.release();
  }
  return joined(batches);
}

/** Cosine of every image and every text, summed in float64: [images, texts]. Throws RankingError where one has no direction. */
export function cosinesOf(images: Embeddings, texts: Embeddings): Float32Array {
  const { size } = texts;
  const [imageNorms, textNorms] = [norms(images), norms(texts)];
  const cosines = new Float32Array(images.count * texts.count);
  for (let i = 0; i < images.count; i++) {
    for (let j = 0; j < texts.count; j++) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += images.data[i * size + k]! * texts.data[j * size + k]!;
      const cosine = sum / (imageNorms[i]! * textNorms[j]!);
      if (!Number.isFinite(cosine))
        throw new RankingError(
          `CLIP gives probe image ${i} or concept ${j} an embedding of zeros, NaN or infinity: leave it out`,
        );
      cosines[i * texts.count + j] = cosine;
    }
  }
  return cosines;
}

function norms({ count, size, data }: Embeddings): Float64Array {
  return Float64Array.from({ length: count }, (_, row) => {
    let sum = 0;
    for (let k = row * size; k < (row + 1) * size; k++) sum += data[k]! ** 2;
    return Math.sqrt(sum);
  });
}

function joined(batches: readonly Embeddings[]): Embeddings {
  const size = batches[0]?.size ?? 0;
  const count = batches.reduce((sum, batch) => sum + batch.count, 0);
  const data = new Float32Array(count * size);
  let row = 0;
  for (const batch of batches) {
    data.set(batch.data, row * size);
    row += batch.count;
  }
  return { count, size, data };
}
