import type { Clip } from '../../clip/clip.ts';
import { type Embeddings, openEncoder } from '../../clip/encoder.ts';
import { preprocess } from '../../clip/preprocess.ts';
import { type Tokenizer, tokenize } from '../../clip/tokenizer.ts';
import type { Dataset } from '../../datasets/dataset.ts';
import type { SessionOptions } from '../../runtime/session.ts';
import type { PassOptions } from './activations.ts';

/** CLIP's embeddings of every probe image, [N, E], not of length 1. */
export async function imageEmbeddings(
  clip: Clip,
  probe: Dataset,
  { batchSize, session, progress }: PassOptions,
): Promise<Embeddings> {
  const encoder = await openEncoder(clip.image, session);
  const batches: Embeddings[] = [];
  try {
    for (let first = 0; first < probe.count; first += batchSize) {
      const count = Math.min(batchSize, probe.count - first);
      const pixels = await probe.pixels(first, count);
      batches.push(await encoder.encode(preprocess(pixels, probe.imageShape, clip.resolution)));
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
  { batchSize, session }: { readonly batchSize: number; readonly session: SessionOptions },
): Promise<Embeddings> {
  const encoder = await openEncoder(clip.text, session);
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

/** Cosine of every image and every text, summed in float64: [images, texts]. */
export function cosinesOf(images: Embeddings, texts: Embeddings): Float32Array {
  const { size } = texts;
  const [imageNorms, textNorms] = [norms(images), norms(texts)];
  const cosines = new Float32Array(images.count * texts.count);
  for (let i = 0; i < images.count; i++) {
    for (let j = 0; j < texts.count; j++) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += images.data[i * size + k]! * texts.data[j * size + k]!;
      cosines[i * texts.count + j] = sum / (imageNorms[i]! * textNorms[j]!);
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
