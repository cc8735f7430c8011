import type { Dataset } from '../datasets/dataset.ts';
import type { Scores } from '../defense/mask-set.ts';
import { RankingError } from '../errors.ts';
import { type Classifier, type MaskLayer, requireDeterministic } from '../models/classifier.ts';
import type { Embeddings } from '../models/clip/clip.ts';
import { keyedStream } from '../numeric/random.ts';
import { sideInputs } from '../onnx/splice.ts';
import type { SimilaritySpec } from '../schemas/similarities.ts';
import type { RankingMethod } from '../schemas/variants.ts';
import { cdirScores, type PassOptions } from './cdir/cdir.ts';
import { hasLinearTail } from './linear-tail.ts';
import { loirScores } from './loir.ts';

/** What units are ranked from; which of it a method looks at says `rankingUses`. */
export interface RankingTask extends Omit<PassOptions, 'progress'> {
  readonly classifier: Classifier;
  readonly layer: MaskLayer;
  readonly probe: Dataset | undefined;
  readonly signed: boolean;
  readonly seed: number;
  /** CLIP's side of the comparison, made when it is asked for. */
  readonly clip: ((progress: (done: number) => void) => Promise<ClipFeatures>) | undefined;
  /** Images done of all passes over the probe set. */
  readonly progress: (done: number, total: number) => void;
}

/** What CLIP says of the probe images and of the names of the classes. */
export interface ClipFeatures {
  /** [N, E] and [C, E] */
  readonly images: Embeddings;
  readonly concepts: Embeddings;
  readonly similarity: SimilaritySpec;
  /** Whether the images had to be embedded: a pass of its own; kept embeddings cost none. */
  readonly isNew: boolean;
}

/** What ranking a layer's units costs, for each probe image. */
export interface RankingCost {
  /** Passes over the trunk; with a linear tail that is all there is to do. */
  readonly trunks: number;
  /** Runs of the tail alone, at most: units that are zero on an image are not left out. */
  readonly tails: number;
}

interface Method {
  readonly scores: (task: RankingTask) => Promise<Scores>;
  readonly cost: (classifier: Classifier, layer: MaskLayer) => RankingCost;
}

/** A new method is a file beside this one, a row here, and its name and inputs in src/schemas/variants.ts. */
const METHODS: Readonly<Record<RankingMethod, Method>> = {
  loir: {
    scores: async (task) => loirScores(task.classifier, task.layer, probeOf(task), task),
    cost: (classifier, layer) => ({ trunks: 1, tails: isOnePass(classifier, layer) ? 0 : layer.units + 1 }),
  },
  cdir: {
    scores: byConcepts,
    // And CLIP's passes, which are its own and kept for the next ranking.
    cost: () => ({ trunks: 1, tails: 0 }),
  },
  random: {
    scores: async ({ classifier, layer, seed }) => randomScores(layer.units, classifier.classes, layer.name, seed),
    cost: () => ({ trunks: 0, tails: 0 }),
  },
};

/**
 * The scores of a layer's units by a method. Throws RankingError where the task lacks what the method looks at, ModelError where
 * the model draws random numbers.
 */
export async function unitScores(method: RankingMethod, task: RankingTask): Promise<Scores> {
  requireDeterministic(task.classifier, 'its units cannot be ranked');
  return METHODS[method].scores(task);
}

/** What `unitScores` will take. */
export function rankingCost(method: RankingMethod, classifier: Classifier, layer: MaskLayer): RankingCost {
  return METHODS[method].cost(classifier, layer);
}

async function byConcepts(task: RankingTask): Promise<Scores> {
  const { classifier, layer, clip, progress, batchSize, runtime } = task;
  const probe = probeOf(task);
  if (clip === undefined) throw new RankingError('units are to be ranked by CLIP, but there is none');
  const { isNew, ...features } = await clip((done) => progress(done, 2 * probe.count));
  const before = isNew ? probe.count : 0;
  return cdirScores(classifier, layer, probe, {
    ...features,
    batchSize,
    runtime,
    progress: (done) => progress(before + done, before + probe.count),
  });
}

function probeOf({ probe }: RankingTask): Dataset {
  if (probe === undefined) throw new RankingError('units are to be ranked on images, but there are none');
  return probe;
}

/** As `loirScores` decides it. */
function isOnePass(classifier: Classifier, layer: MaskLayer): boolean {
  const { model, logits } = classifier;
  return sideInputs(model.graph, layer.tensor, logits).length === 0 && hasLinearTail(classifier, layer);
}

/** The control: importance by chance, each class with an order of its own, the same for the same seed and layer. */
export function randomScores(units: number, classes: number, layer: string, seed: number): Scores {
  const stream = keyedStream([seed, 'random-ranking', layer]);
  return { units, classes, data: Float32Array.from({ length: units * classes }, () => stream.uniform()) };
}
