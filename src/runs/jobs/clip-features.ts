import { createHash } from 'node:crypto';
import type { Dataset } from '../../datasets/dataset.ts';
import { RunError } from '../../errors.ts';
import type { Embeddings } from '../../models/clip/clip.ts';
import { encodeNpy } from '../../numeric/npy.ts';
import { float32 } from '../../numeric/tensor.ts';
import { imageEmbeddings, textEmbeddings } from '../../ranking/cdir/cdir.ts';
import type { ClipFeatures, RankingTask } from '../../ranking/methods.ts';
import type { ClipConfig } from '../../schemas/config.ts';
import { embeddingsKey } from '../../schemas/keys.ts';
import { numericsIn } from '../../schemas/numerics.ts';
import type { Store } from '../../stores/store.ts';
import { type ClipInputs, clipSpec } from '../inputs/clip-inputs.ts';
import { openClip, readTokenizer } from '../inputs/open-clip.ts';
import { keptRemedy, storedArray } from '../stored.ts';

export interface ClipTask extends Pick<RankingTask, 'runtime'> {
  readonly config: ClipConfig;
  readonly inputs: ClipInputs;
  readonly probe: Dataset;
  /** SHA-256 of the probe set's files. */
  readonly probeDigest: string;
  /** Where embeddings of probe images are kept. */
  readonly store: Store;
  /** Throws where a file that was read is not the one that is known: what is kept under its digest has to be of it. */
  readonly confirm: () => Promise<void>;
}

/**
 * What CLIP says of the probe images and of the classes. It sees the images once, whatever checkpoints and layers follow: its
 * embeddings are kept in the store under a content address.
 */
export async function clipFeatures(task: ClipTask, progress: (done: number) => void): Promise<ClipFeatures> {
  const { config, inputs, probe, store, runtime, confirm } = task;
  const { batchSize, similarity } = config;
  const clip = await openClip(clipSpec(config));
  const tokenizer = await readTokenizer(config.tokenizer);
  const concepts = await textEmbeddings(clip, tokenizer, inputs.concepts, { batchSize, runtime });
  const key = embeddingsKey(embeddingsDigest(task));
  const known = await keptEmbeddings(store, key, probe.count);
  if (known !== undefined) return { images: known, concepts, similarity, isNew: false };
  const images = await imageEmbeddings(clip, probe, { batchSize, runtime, progress });
  await confirm();
  await store.put(key, encodeNpy(float32([images.count, images.size], images.data)));
  return { images, concepts, similarity, isNew: true };
}

/** What embeddings of images depend on: the file with the image encoder, and the images. */
function embeddingsDigest({ inputs, probe, probeDigest }: ClipTask): string {
  const identity = [
    'igd.embeddings/1',
    inputs.files[0],
    probeDigest,
    probe.count,
    probe.imageShape,
    ...Object.values(numericsIn()),
  ];
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex');
}

async function keptEmbeddings(store: Store, key: string, count: number): Promise<Embeddings | undefined> {
  const bytes = await store.get(key);
  if (bytes === undefined) return undefined;
  const where = `${key} in the ranking store`;
  const { type, dims, data } = storedArray(bytes, where, keptRemedy('embeddings'));
  const [rows, size, ...rest] = dims;
  if (type !== 'float32' || rows !== count || size === undefined || rest.length > 0)
    throw new RunError(`${where} holds no embeddings of ${count} images: ${keptRemedy('embeddings')}`);
  return { count, size, data };
}
