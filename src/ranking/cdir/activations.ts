import type { Classifier } from '../../architectures/architecture.ts';
import { IMAGE_INPUT } from '../../architectures/input.ts';
import { type MaskLayer, unitStride } from '../../architectures/mask-layer.ts';
import type { Dataset } from '../../datasets/dataset.ts';
import { subgraph } from '../../onnx/splice.ts';
import { Session, type SessionOptions } from '../../runtime/session.ts';
import { float32, sizeOf } from '../../tensor/tensor.ts';

export interface PassOptions {
  readonly batchSize: number;
  readonly session: SessionOptions;
  /** Images done so far. */
  readonly progress?: ((done: number) => void) | undefined;
}

/** Activation of every unit on every probe image, its mean over positions: [N, D]. Only the trunk is run. */
export async function unitActivations(
  classifier: Classifier,
  layer: MaskLayer,
  probe: Dataset,
  { batchSize, session, progress }: PassOptions,
): Promise<Float32Array> {
  const activations = new Float32Array(probe.count * layer.units);
  const trunk = await Session.create(subgraph(classifier.model, [IMAGE_INPUT], [layer.tensor]), session);
  try {
    for (let first = 0; first < probe.count; first += batchSize) {
      const count = Math.min(batchSize, probe.count - first);
      const x = float32([count, ...classifier.imageShape], await probe.pixels(first, count));
      const values = (await trunk.run({ [IMAGE_INPUT]: x }))[layer.tensor]?.data ?? new Float32Array();
      activations.set(unitMeans(values, layer), first * layer.units);
      progress?.(first + count);
    }
  } finally {
    await trunk.release();
  }
  return activations;
}

/** Mean of each unit of each image over its positions, summed in float64. */
function unitMeans(values: Float32Array, layer: MaskLayer): Float64Array {
  const { dims, units } = layer;
  const [size, stride] = [sizeOf(dims), unitStride(layer)];
  const sums = new Float64Array((values.length / size) * units);
  for (let i = 0; i < values.length; i++)
    sums[Math.floor(i / size) * units + (Math.floor(i / stride) % units)]! += values[i]!;
  return sums.map((sum) => (sum * units) / size);
}
