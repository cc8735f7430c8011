import type { ThreatModel } from '../attacks/core/attack.ts';
import { NO_PREDICTION } from '../attacks/core/predictions.ts';
import { isWithinThreat } from '../attacks/norms/threat-model.ts';
import { isQuantised, quantised } from '../numeric/quantise.ts';
import { stackRows } from '../numeric/rows.ts';
import type { QuantisedExamples } from '../schemas/results.ts';
import type { MeteredModel } from './onnx-model.ts';
import { type PredictOptions, predictCandidates } from './predict.ts';

/** An adversarial example and what it was made from. */
export interface FoundExample {
  /** Index in the data set. */
  readonly image: number;
  readonly label: number;
  /** The attack that made it. */
  readonly brokenBy: string;
  /** [imageSize] in [0, 1] */
  readonly x: Float32Array;
  /** Likewise. */
  readonly clean: Float32Array;
}

/**
 * What the model makes of adversarial examples once they are rounded to `bits` bits, as files of images hold them. Each is evaluated as
 * when it was found, with the noise that it was found with.
 */
export async function evaluateQuantised(
  model: MeteredModel,
  examples: readonly FoundExample[],
  { bits, threat, ...options }: PredictOptions & { readonly bits: number; readonly threat: ThreatModel },
): Promise<QuantisedExamples> {
  const rounded = examples.map(({ x }) => quantised(x, bits));
  const images = examples.map(({ image }) => image);
  const attacks = examples.map(({ brokenBy }) => brokenBy);
  const x = stackRows(rounded, model.imageSize);
  const predictions = await predictCandidates(model, { x, images, attacks }, options);
  const unpredicted = images.filter((_, row) => predictions[row] === NO_PREDICTION);
  return {
    bits,
    right: images.filter((_, row) => predictions[row] === examples[row]!.label),
    ...(unpredicted.length > 0 && { unpredicted }),
    outside: examples.filter(({ clean }, row) => !isWithinThreat(rounded[row]!, clean, threat)).length,
    offGrid: examples.filter(({ clean }) => !isQuantised(clean, bits)).length,
  };
}
