import type { Classifier } from '../architectures/architecture.ts';
import { IMAGE_INPUT } from '../architectures/input.ts';
import type { MaskLayer } from '../architectures/mask-layer.ts';
import { batchesOf } from '../datasets/batches.ts';
import type { Dataset } from '../datasets/dataset.ts';
import { sideInputs, subgraph } from '../onnx/splice.ts';
import { Session, type SessionOptions } from '../runtime/session.ts';
import { float32 } from '../tensor/tensor.ts';
import { ablationEffects } from './ablation.ts';
import { linearTailEffects } from './linear-tail.ts';
import { ClassMeans, type Scores } from './scores.ts';

export interface LoirOptions {
  /** Mean of f_c - f_c^[j] (the paper's Eq. 5) instead of its absolute value (the public code). */
  readonly signed: boolean;
  readonly batchSize: number;
  readonly session: SessionOptions;
  readonly progress?: (done: number, total: number) => void;
}

/**
 * Leave-one-out importance (LO-IR): scores[j, c] = E[ |f_c(x) - f_c^[j](x)| : y = c ], where f^[j] has unit j zeroed
 * (IG-Defense, section 3). Not by brute force, which runs the model once per unit: behind a linear tail the effect of a unit
 * is its own contribution to the logit, so one pass ranks all units; elsewhere the trunk runs once per image and only the
 * tail is run again, with ablations batched.
 */
export async function loirScores(
  classifier: Classifier,
  layer: MaskLayer,
  probe: Dataset,
  { signed, batchSize, session, progress }: LoirOptions,
): Promise<Scores> {
  const boundary = [layer.tensor, ...sideInputs(classifier.model.graph, layer.tensor, classifier.logits)];
  const trunk = await Session.create(subgraph(classifier.model, [IMAGE_INPUT], boundary), session);
  const effects =
    (await linearTailEffects(classifier, layer, boundary, session)) ??
    (await ablationEffects(classifier, layer, boundary, batchSize, session));
  const means = new ClassMeans(layer.units, classifier.classes);
  try {
    for await (const { first, count, x, labels } of batchesOf(probe, batchSize)) {
      const values = await trunk.run({ [IMAGE_INPUT]: float32([count, ...classifier.imageShape], x) });
      for (const label of labels) means.count(label);
      await effects.measure({ values, labels }, (image, unit, effect) =>
        means.add(unit, labels[image] ?? 0, signed ? effect : Math.abs(effect)),
      );
      progress?.(first + count, probe.count);
    }
  } finally {
    await Promise.all([trunk.release(), effects.release()]);
  }
  return means.scores();
}
