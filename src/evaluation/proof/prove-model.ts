import { baseModel } from '../../defense/defended-model.ts';
import type { Classifier } from '../../models/classifier.ts';
import type { Runtime } from '../../onnx/runtime.ts';
import type { ModelProof } from '../../schemas/proof.ts';
import { OnnxModel } from '../onnx-model.ts';
import { proveGradient } from './gradient-proof.ts';
import { plainLogits, proveIndependence, proveOptimisation } from './logits-proof.ts';
import { inspectLogits, requireClasses } from './outputs.ts';
import { ProofCase, type ProvableModel } from './proof-case.ts';
import { FEWEST_IMAGES, type ImageSource, MOST_IMAGES, proofImages } from './proof-images.ts';

export interface ProofOptions {
  /** For messages: the file, and the variant where it is one. */
  readonly name: string;
  /** Images of the data, where there is some. */
  readonly data?: ImageSource | undefined;
  /** Whether gradients are to be used. */
  readonly gradients: boolean;
  /** Images that are to be evaluated after. */
  readonly evaluations: number;
}

/** A proof may take a twentieth of the work of what it is for, or about a second; neighbours need two images all the same. */
const SHARE = 1 / 20;
/** In logits of one image: 6 for the checks, 2 gradients, and for each of 3 directions 4 a step, of which one or two are tried. */
const COST_PER_IMAGE = 30;
/**
 * What a thread does in a second, in weights times pixels: 5e10 multiply-adds by 60, which is what a convolution of a residual
 * network for CIFAR does of them for each weight and 1,024 pixels. Counted, not timed: the same run has the same proof.
 */
const WORK_PER_SECOND = 5e10 / 60;
const PIXELS = 3 * 1024;

/**
 * Proves on a few images that a model computes what it says, before it is trusted with many: see PROOF_CHECKS. Its sessions
 * are those that are used after. Throws ModelError, which names what disagrees and by how much, where it does not.
 */
export async function proveModel(model: ProvableModel, options: ProofOptions): Promise<ModelProof> {
  const start = performance.now();
  requireClasses(model.classes, options.name);
  const all = await proofImages(options.data, model.imageSize);
  const count = affordableImages(model, options.evaluations);
  const x = all.subarray(0, count * model.imageSize);
  const plain = await plainLogits(model, x);
  const proof = await ProofCase.open(model, options.name, x);
  for (const { code, message } of inspectLogits(proof.logits, model.classes, options.name)) proof.note(code, message);
  await proveOptimisation(proof, plain);
  await proveIndependence(proof);
  if (options.gradients) await proveGradient(proof);
  return { images: count, seconds: (performance.now() - start) / 1000, checks: proof.checks, notes: proof.notes };
}

/** The same of a classifier without a defence, with sessions of its own. */
export async function proveClassifier(
  classifier: Classifier,
  runtime: Runtime,
  options: ProofOptions,
): Promise<ModelProof> {
  const model = new OnnxModel(baseModel(classifier), classifier.imageShape, classifier.classes, runtime);
  try {
    return await proveModel(model, options);
  } finally {
    await model.release();
  }
}

/** How many images there is time for. */
function affordableImages({ weights, imageSize }: ProvableModel, evaluations: number): number {
  const perImage = Math.max(1, weights) * (imageSize / PIXELS);
  const affordable = Math.max(WORK_PER_SECOND / perImage, SHARE * evaluations) / COST_PER_IMAGE;
  return Math.max(FEWEST_IMAGES, Math.min(MOST_IMAGES, Math.floor(affordable)));
}
