import { appendOpposedLogits } from '../models/binary.ts';
import { type Classifier, IMAGE_INPUT, type MaskLayer, requireDeterministic } from '../models/classifier.ts';
import type { TypedTensor } from '../numeric/tensor.ts';
import type { GradientTable } from '../onnx/autodiff/rule.ts';
import { STRAIGHT_THROUGH } from '../onnx/autodiff/rule-table.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import type { Model } from '../onnx/graph.ts';
import { appendCopy } from '../onnx/splice.ts';

/** Input [N, samples, C, H, W] of a smoothed model: the noise added to the image, one row per sample. */
export const NOISE_INPUT = 'noise';

export interface Smoothing {
  /** Noise samples averaged in the first pass. */
  readonly samples: number;
  /** Standard deviation of the noise, images in [0, 1]. */
  readonly sigma: number;
}

export interface DefenseOptions {
  readonly layer: MaskLayer;
  /** [C, D] in {0, 1} */
  readonly masks: TypedTensor<'float32'>;
  /** tau: the pseudo-label is softmax(z / tau). */
  readonly temperature: number;
  readonly smoothing: Smoothing | null;
  /**
   * `hard`: the mask of the first pass's class alone, differentiated as if it were the soft one (straight-through): a
   * surrogate to make attacks on, for softmax(z / tau) starves gradients where tau is small. The defence is `soft`.
   */
  readonly pseudoLabel?: 'soft' | 'hard';
}

/** What the graph has to know of a variant: its name, and whether the mask fades in with confidence. */
export interface MaskedVariant {
  readonly id: string;
  readonly mask: { readonly kind: 'two-pass' | 'top-k' } | { readonly kind: 'confidence'; readonly threshold: number };
}

/** A model to evaluate: logits [N, classes] from images [N, C, H, W] and, where it is smoothed, noise. */
export interface EvaluatedModel {
  readonly model: Model;
  readonly logits: string;
  readonly smoothing: Smoothing | null;
  /** How to differentiate it, where that is not by its ops alone. */
  readonly rules?: GradientTable;
  /** Whether its logits are [0, z], made of one output. */
  readonly isBinary?: boolean;
}

/**
 * The defended model as ONE graph (IG-Defense, Kulkarni & Weng, ECCV 2024): a first pass gives the pseudo-label p, the
 * second masks the layer's units by p and runs the rest again. The trunk below the layer runs once where both passes see
 * the same x, and everything stays differentiable, so a white-box attack sees through both passes. Throws ModelError for a
 * classifier that draws random numbers: whether both passes would see the same draws is nobody's to assume.
 */
export function defendedModel(
  classifier: Classifier,
  variant: MaskedVariant,
  { layer, masks, temperature, smoothing, pseudoLabel: kind = 'soft' }: DefenseOptions,
): EvaluatedModel {
  requireDeterministic(classifier, 'a defence of two passes would not know which draws they share');
  const { graph } = classifier.model;
  const builder = GraphBuilder.from(graph);
  const { isBinary = false } = classifier;
  const first = smoothing === null ? classifier.logits : smoothedLogits(builder, classifier, smoothing);
  const pseudoLabel = appendPseudoLabel(
    builder,
    isBinary ? appendOpposedLogits(builder, first) : first,
    temperature,
    kind,
  );
  const perUnit = builder.op('MatMul', [pseudoLabel, builder.initializer('masks', masks)]);
  const mask =
    variant.mask.kind === 'confidence' ? appendRamp(builder, pseudoLabel, perUnit, variant.mask.threshold) : perUnit;
  const masked = builder.op('Mul', [layer.tensor, alongUnits(builder, mask, layer)]);
  const logits = appendCopy(builder, graph, new Map([[layer.tensor, masked]]), classifier.logits);
  const model = builder.build([logits], `${graph.name} ${variant.id}`);
  return { model, logits, smoothing, isBinary, ...(kind === 'hard' ? { rules: STRAIGHT_THROUGH } : {}) };
}

/** The classifier as it is; it is never smoothed. */
export function baseModel(classifier: Classifier): EvaluatedModel {
  const { model, logits, isBinary = false } = classifier;
  return { model, logits, smoothing: null, isBinary };
}

/** Randomised smoothing: z0 = mean_i f(x + v_i), the samples stacked into the batch. */
function smoothedLogits(builder: GraphBuilder, classifier: Classifier, { samples }: Smoothing): string {
  const image = classifier.imageShape;
  const noise = builder.input(NOISE_INPUT, [{ batch: 1 }, samples, ...image]);
  const noisy = builder.op('Add', [builder.op('Unsqueeze', [classifier.input, builder.ints([1])]), noise]);
  const stacked = builder.reshape(noisy, [{ batch: samples }, ...image]);
  const each = appendCopy(builder, classifier.model.graph, new Map([[IMAGE_INPUT, stacked]]), classifier.logits);
  const perImage = builder.reshape(each, [{ batch: 1 }, samples, classifier.classes]);
  return builder.op('ReduceMean', [perImage, builder.ints([1])], { keepdims: 0 });
}

/** p = softmax(z / tau); the public code writes softmax(100 z), tau = 0.01. */
function appendPseudoLabel(builder: GraphBuilder, logits: string, temperature: number, kind: 'soft' | 'hard'): string {
  const sharpened = builder.op('Mul', [logits, builder.constant(1 / temperature)]);
  return builder.op(kind === 'hard' ? 'Hardmax' : 'Softmax', [sharpened], { axis: 1 });
}

/**
 * Confidence-adaptive masking: with c = max p and s = clip((c - t) / (1 - t), 0, 1), the mask fades in as
 * m' = (1 - s) + s m = 1 + s (m - 1).
 */
function appendRamp(builder: GraphBuilder, pseudoLabel: string, mask: string, threshold: number): string {
  const confidence = builder.op('ReduceMax', [pseudoLabel, builder.ints([1])], { keepdims: 1 });
  const above = builder.op('Sub', [confidence, builder.constant(threshold)]);
  const ramp = builder.op('Mul', [above, builder.constant(1 / (1 - threshold))]);
  const strength = builder.op('Clip', [ramp, builder.constant(0), builder.constant(1)]);
  const fade = builder.op('Mul', [strength, builder.op('Sub', [mask, builder.constant(1)])]);
  return builder.op('Add', [fade, builder.constant(1)]);
}

/** The mask [N, D] shaped to multiply the layer's value. */
function alongUnits(builder: GraphBuilder, mask: string, { dims, axis }: MaskLayer): string {
  if (dims.length === 1) return mask;
  return builder.reshape(mask, [{ batch: 1 }, ...dims.map((dim, index) => (index === axis ? dim : 1))]);
}
