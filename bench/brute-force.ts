import type { Dataset } from '../src/datasets/dataset.ts';
import type { Scores } from '../src/defense/mask-set.ts';
import { type Classifier, IMAGE_INPUT, type MaskLayer } from '../src/models/classifier.ts';
import { float32 } from '../src/numeric/tensor.ts';
import { GraphBuilder } from '../src/onnx/builder.ts';
import type { Runtime } from '../src/onnx/runtime.ts';
import { appendCopy } from '../src/onnx/splice.ts';
import { ClassMeans } from '../src/ranking/loir.ts';

/** LO-IR as the public code computes it: the whole model run once per unit over the probe set. For comparison only. */
export async function bruteForceScores(
  classifier: Classifier,
  layer: MaskLayer,
  probe: Dataset,
  batchSize: number,
  runtime: Runtime,
): Promise<Scores> {
  const builder = GraphBuilder.from(classifier.model.graph);
  const keep = builder.input('keep', [1, ...layer.dims.map((dim, axis) => (axis === layer.axis ? dim : 1))]);
  const masked = builder.op('Mul', [layer.tensor, keep]);
  const logits = appendCopy(builder, classifier.model.graph, new Map([[layer.tensor, masked]]), classifier.logits);
  const session = await runtime.createSession(builder.build([logits], 'brute force'));
  const means = new ClassMeans(layer.units, classifier.classes);
  const whole = await labelLogits(undefined);
  for (const label of probe.labels) means.count(label);
  for (let unit = 0; unit < layer.units; unit++) {
    const ablated = await labelLogits(unit);
    for (const [i, label] of probe.labels.entries())
      means.add(unit, label, Math.abs((whole[i] ?? 0) - (ablated[i] ?? 0)));
  }
  await session.release();
  return means.scores();

  async function labelLogits(unit: number | undefined): Promise<number[]> {
    const mask = float32([1, ...layer.dims.map((dim, axis) => (axis === layer.axis ? dim : 1))]);
    mask.data.fill(1);
    if (unit !== undefined) mask.data[unit] = 0;
    const values: number[] = [];
    for (let first = 0; first < probe.count; first += batchSize) {
      const count = Math.min(batchSize, probe.count - first);
      const x = float32([count, ...classifier.imageShape], await probe.pixels(first, count));
      const outputs = await session.run({ [IMAGE_INPUT]: x, keep: mask });
      for (let i = 0; i < count; i++)
        values.push(outputs[logits]?.data[i * classifier.classes + (probe.labels[first + i] ?? 0)] ?? 0);
    }
    return values;
  }
}
