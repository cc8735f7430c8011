import type { Dataset } from '../datasets/dataset.ts';
import { InputError } from '../errors.ts';
import { imageEmbeddings, type PassOptions, textEmbeddings } from '../ranking/cdir/cdir.ts';
import { requireImages } from '../ranking/cdir/similarities.ts';
import type { ClipFeatures } from '../ranking/methods.ts';
import { clipSpec, requireVocabulary } from '../runs/inputs/clip-inputs.ts';
import { openClip, readTokenizer } from '../runs/inputs/open-clip.ts';
import { clipSchema } from '../schemas/config.ts';
import type { SimilarityName } from '../schemas/similarities.ts';
import { describe, parsed } from './arguments.ts';

/** The CLIP that units are compared by, and the names they are compared with. */
export interface ClipOptions {
  /** Path of OpenAI's ViT-B-16.pt or ViT-B-32.pt, or of an .onnx with both encoders. */
  readonly model?: string;
  /** Instead of `model`: the image encoder as .onnx. */
  readonly image?: string;
  /** With `image`: the text encoder as .onnx. */
  readonly text?: string;
  /** Path of bpe_simple_vocab_16e6.txt.gz, merges.txt or tokenizer.json. */
  readonly tokenizer: string;
  /** Names of the classes, in the order of the labels. */
  readonly classNames: readonly string[];
  /** How activations and CLIP are compared; soft_wpmi by default, as in CLIP-Dissect (arXiv:2204.10965). */
  readonly similarity?: SimilarityName;
  /** Images CLIP sees at once; 32 by default. */
  readonly batchSize?: number;
}

/** What a CLIP says of the probe images, each seen once, and of the names of the classes. */
export async function clipFeatures(
  classes: number,
  probe: Dataset,
  options: ClipOptions | undefined,
  { runtime, progress }: Pick<PassOptions, 'runtime' | 'progress'>,
): Promise<ClipFeatures> {
  if (options === undefined) throw new InputError('method "cdir" needs "clip": the files of a CLIP and class names');
  const { classNames, ...files } = options;
  if (!Array.isArray(classNames) || classNames.length !== classes)
    throw new InputError(
      `clip.classNames is ${describe(classNames)}: give ${classes} names, in the order of the labels`,
    );
  const config = parsed(clipSchema, files, 'clip');
  const { batchSize, similarity } = config;
  requireImages(similarity, probe.count);
  const clip = await openClip(clipSpec(config));
  const tokenizer = await readTokenizer(config.tokenizer);
  requireVocabulary(clip, tokenizer, config.tokenizer);
  const concepts = await textEmbeddings(clip, tokenizer, classNames, { batchSize, runtime });
  const images = await imageEmbeddings(clip, probe, { batchSize, runtime, progress });
  return { images, concepts, similarity, isNew: true };
}
