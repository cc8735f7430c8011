import {
  type Classifier,
  IMAGE_INPUT,
  type MaskLayer,
  requireDeterministic,
  unitMeans,
} from '../../models/classifier.ts';
import { float32, sizeOf } from '../../numeric/tensor.ts';
import { outputOf, type Runtime } from '../../onnx/runtime.ts';
import { subgraph } from '../../onnx/splice.ts';

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

/** The layer's activations as the undefended model computes them, and its logits from the same evaluation. Throws ModelError. */
export async function openActivations(
  classifier: Classifier,
  layer: MaskLayer,
  runtime: Runtime,
): Promise<ActivationReader> {
  requireDeterministic(classifier, 'its activations before and after an attack cannot be compared');
  const { model, logits, classes, imageShape } = classifier;
  const session = await runtime.createSession(subgraph(model, [IMAGE_INPUT], [layer.tensor, logits]));
  const imageSize = sizeOf(imageShape);
  return {
    async read(x, batchSize) {
      const count = x.length / imageSize;
      const result = { activations: new Float32Array(count * layer.units), logits: new Float32Array(count * classes) };
      for (let first = 0; first < count; first += batchSize) {
        const rows = Math.min(batchSize, count - first);
        const batch = x.subarray(first * imageSize, (first + rows) * imageSize);
        const outputs = await session.run({ [IMAGE_INPUT]: float32([rows, ...imageShape], batch) });
        result.activations.set(unitMeans(outputOf(outputs, layer.tensor), layer), first * layer.units);
        result.logits.set(outputOf(outputs, logits), first * classes);
      }
      return result;
    },
    release: () => session.release(),
  };
}
