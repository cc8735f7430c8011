import { batchesOf, type Dataset } from '../datasets/dataset.ts';
import type { Scores } from '../defense/mask-set.ts';
import { RunError } from '../errors.ts';
import { type Classifier, IMAGE_INPUT, type MaskLayer } from '../models/classifier.ts';
import { float32 } from '../numeric/tensor.ts';
import type { Runtime } from '../onnx/runtime.ts';
import { sideInputs, subgraph } from '../onnx/splice.ts';
import { ablationEffects } from './ablation.ts';
import { linearTailEffects } from './linear-tail.ts';
import { opposedLogits } from './opposed-logits.ts';

export interface LoirOptions {
  /** Mean of f_c - f_c^[j] (the paper's Eq. 5) instead of its absolute value (the public code). */
  readonly signed: boolean;
  readonly batchSize: number;
  readonly runtime: Runtime;
  readonly progress?: (done: number, total: number) => void;
}

/**
 * Leave-one-out importance (LO-IR): scores[j, c] = E[ |f_c(x) - f_c^[j](x)| : y = c ], where f^[j] has unit j zeroed
 * (IG-Defense, section 3). Not by brute force, which runs the model once per unit: behind a linear tail the effect of a unit
 * is its own contribution to the logit, so one pass ranks all units; elsewhere the trunk runs once per image and only the
 * tail is run again, with ablations batched. Of a model with one output z, f is (-z/2, z/2). Throws RunError where a logit is NaN
 * or infinite.
 */
export async function loirScores(
  given: Classifier,
  layer: MaskLayer,
  probe: Dataset,
  { signed, batchSize, runtime, progress }: LoirOptions,
): Promise<Scores> {
  const classifier = opposedLogits(given);
  const boundary = [layer.tensor, ...sideInputs(classifier.model.graph, layer.tensor, classifier.logits)];
  const trunk = await runtime.createSession(subgraph(classifier.model, [IMAGE_INPUT], boundary));
  const effects =
    (await linearTailEffects(classifier, layer, boundary, runtime)) ??
    (await ablationEffects(classifier, layer, boundary, batchSize, runtime));
  const means = new ClassMeans(layer.units, classifier.classes);
  try {
    for await (const { first, count, x, labels } of batchesOf(probe, batchSize)) {
      const values = await trunk.run({ [IMAGE_INPUT]: float32([count, ...classifier.imageShape], x) });
      for (const label of labels) means.count(label);
      await effects.measure({ values, labels }, (image, unit, effect) => {
        if (!Number.isFinite(effect)) throw new RunError(noEffectText(first + image, layer.name, unit));
        means.add(unit, labels[image]!, signed ? effect : Math.abs(effect));
      });
      progress?.(first + count, probe.count);
    }
  } finally {
    await Promise.all([trunk.release(), effects.release()]);
  }
  return means.scores();
}

/** One such image would make its class's scores NaN, and a mask of NaN scores is any units. */
function noEffectText(image: number, layer: string, unit: number): string {
  return (
    `probe image ${image} cannot be ranked on: without unit ${unit} of ${layer} its logit changes by NaN or infinity. Leave the ` +
    'image out, or look in the model for a division by 0, a logarithm of 0 or an overflow'
  );
}

/** Mean over the probe images of each class, accumulated in float64: one column of [units, classes] per image. */
export class ClassMeans {
  readonly #units: number;
  readonly #classes: number;
  readonly #sums: Float64Array;
  readonly #counts: Float64Array;

  constructor(units: number, classes: number) {
    this.#units = units;
    this.#classes = classes;
    this.#sums = new Float64Array(units * classes);
    this.#counts = new Float64Array(classes);
  }

  count(label: number): void {
    this.#counts[label]! += 1;
  }

  add(unit: number, label: number, value: number): void {
    this.#sums[unit * this.#classes + label]! += value;
  }

  /** A class without images scores zero for every unit; the diagnostics name it. */
  scores(): Scores {
    const data = Float32Array.from(this.#sums, (sum, i) => sum / Math.max(this.#counts[i % this.#classes]!, 1));
    return { units: this.#units, classes: this.#classes, data };
  }
}
