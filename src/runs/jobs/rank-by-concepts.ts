import { createHash } from 'node:crypto';
import type { Dataset } from '../../datasets/dataset.ts';
import type { Scores } from '../../defense/mask-set.ts';
import { RunError } from '../../errors.ts';
import { type ClipInputs, clipSpec } from '../../inputs/clip-inputs.ts';
import { openClip, readTokenizer } from '../../inputs/open-clip.ts';
import type { Classifier, MaskLayer } from '../../models/classifier.ts';
import type { Clip, Embeddings } from '../../models/clip/clip.ts';
import { decodeNpy, encodeNpy } from '../../numeric/npy.ts';
import { float32 } from '../../numeric/tensor.ts';
import { cdirScores, imageEmbeddings, type PassOptions, textEmbeddings } from '../../ranking/cdir/cdir.ts';
import type { ClipConfig } from '../../schemas/config.ts';
import { embeddingsKey } from '../../schemas/keys.ts';
import type { Store } from '../../stores/store.ts';

export interface ConceptRanking {
  readonly classifier: Classifier;
  readonly layer: MaskLayer;
  readonly probe: Dataset;
  /** SHA-256 of the probe set's files. */
  readonly probeDigest: string;
  readonly config: ClipConfig;
  readonly inputs: ClipInputs;
  /** Where embeddings of probe images are kept. */
  readonly store: Store;
  readonly batchSize: number;
  readonly runtime: PassOptions['runtime'];
  /** Images done of all passes. */
  readonly progress: (done: number, total: number) => void;
}

/**
 * The CD-IR ranking of a layer. CLIP sees the probe images once, whatever checkpoints and layers follow: its embeddings are
 * kept in the store under a content address.
 */
export async function rankByConcepts(ranking: ConceptRanking): Promise<Scores> {
  const { classifier, layer, probe, config, inputs, store, runtime, progress } = ranking;
  const clip = await openClip(clipSpec(config));
  const tokenizer = await readTokenizer(config.tokenizer);
  const concepts = await textEmbeddings(clip, tokenizer, inputs.concepts, { batchSize: config.batchSize, runtime });
  const key = embeddingsKey(embeddingsDigest(ranking));
  const known = await keptEmbeddings(store, key, probe.count);
  const total = probe.count * (known === undefined ? 2 : 1);
  const images = known ?? (await embedded(ranking, clip, key, (done) => progress(done, total)));
  return cdirScores(classifier, layer, probe, {
    images,
    concepts,
    similarity: config.similarity,
    batchSize: ranking.batchSize,
    runtime,
    progress: (done) => progress(total - probe.count + done, total),
  });
}

/** What embeddings of images depend on: the file with the image encoder, and the images. */
function embeddingsDigest({ inputs, probe, probeDigest }: ConceptRanking): string {
  const identity = ['igd.embeddings/1', inputs.files[0], probeDigest, probe.count, probe.imageShape];
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex');
}

async function keptEmbeddings(store: Store, key: string, count: number): Promise<Embeddings | undefined> {
  const bytes = await store.get(key);
  if (bytes === undefined) return undefined;
  const { type, dims, data } = decodeNpy(bytes, key);
  const [rows, size, ...rest] = dims;
  if (type !== 'float32' || rows !== count || size === undefined || rest.length > 0)
    throw new RunError(`${key} in the ranking store holds no embeddings of ${count} images: delete it`);
  return { count, size, data };
}

async function embedded(
  { probe, config, store, runtime }: ConceptRanking,
  clip: Clip,
  key: string,
  progress: (done: number) => void,
): Promise<Embeddings> {
  const images = await imageEmbeddings(clip, probe, { batchSize: config.batchSize, runtime, progress });
  await store.put(key, encodeNpy(float32([images.count, images.size], images.data)));
  return images;
}
