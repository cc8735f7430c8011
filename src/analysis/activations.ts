import type { Classifier } from '../architectures/architecture.ts';
import { IMAGE_INPUT } from '../architectures/input.ts';
import { type MaskLayer, unitStride } from '../architectures/mask-layer.ts';
import { subgraph } from '../onnx/splice.ts';
import { Session, type SessionOptions } from '../runtime/session.ts';
import { float32, sizeOf } from '../tensor/tensor.ts';

export interface Activations {
  /** [n, D]: the mean of each unit over its positions. */
  readonly activations: Float32Array;
  /** [n, classes] */
  readonly logits: Float32Array;
}

export interface ActivationReader {
  /** `x` is [n, imageSize]. */
  read(x: Float32Array, batchSize: number): Promise<Activations>;
  release(): Promise<void>;
}

/** The layer's activations as the undefended model computes them, and its logits from the same evaluation. */
export async function openActivations(
  classifier: Classifier,
  layer: MaskLayer,
  options: SessionOptions,
): Promise<ActivationReader> {
  const { model, logits, classes, imageShape } = classifier;
  const session = await Session.create(subgraph(model, [IMAGE_INPUT], [layer.tensor, logits]), options);
  const imageSize = sizeOf(imageShape);
  return {
    async read(x, batchSize) {
      const count = x.length / imageSize;
      const result = { activations: new Float32Array(count * layer.units), logits: new Float32Array(count * classes) };
      for (let first = 0; first < count; first += batchSize) {
        const rows = Math.min(batchSize, count - first);
        const batch = x.subarray(first * imageSize, (first + rows) * imageSize);
        const outputs = await session.run({ [IMAGE_INPUT]: float32([rows, ...imageShape], batch) });
        result.activations.set(unitMeans(outputs[layer.tensor]!.data, layer), first * layer.units);
        result.logits.set(outputs[logits]!.data, first * classes);
      }
      return result;
    },
    release: () => session.release(),
  };
}

/** [n, ...dims] to [n, D], added up in float64. */
export function unitMeans(values: Float32Array, layer: MaskLayer): Float32Array {
  const size = sizeOf(layer.dims);
  const stride = unitStride(layer);
  const positions = size / layer.units;
  const sums = new Float64Array((values.length / size) * layer.units);
  for (let i = 0; i < values.length; i++) {
    const unit = Math.floor((i % size) / stride) % layer.units;
    sums[Math.floor(i / size) * layer.units + unit]! += values[i]!;
  }
  return Float32Array.from(sums, (sum) => sum / positions);
}
