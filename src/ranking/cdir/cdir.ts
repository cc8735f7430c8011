import type { Classifier } from '../../architectures/architecture.ts';
import type { MaskLayer } from '../../architectures/mask-layer.ts';
import type { Embeddings } from '../../clip/encoder.ts';
import { RankingError } from '../../contracts/errors.ts';
import type { SimilaritySpec } from '../../contracts/similarities.ts';
import type { Dataset } from '../../datasets/dataset.ts';
import type { Scores } from '../scores.ts';
import { type PassOptions, unitActivations } from './activations.ts';
import { cosinesOf } from './embeddings.ts';
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
