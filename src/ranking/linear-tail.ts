import { type Classifier, type MaskLayer, unitStride } from '../models/classifier.ts';
import { float32, sizeOf } from '../numeric/tensor.ts';
import { appendGradient } from '../onnx/autodiff/vjp.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import type { Model, Node } from '../onnx/graph.ts';
import { outputOf, type Runtime } from '../onnx/runtime.ts';
import { nodesBetween, subgraph } from '../onnx/splice.ts';
import type { UnitEffects } from './unit-effects.ts';

/** Ops that are affine in their one live input, the others being constants. */
const AFFINE = new Set([
  'Add',
  'AveragePool',
  'BatchNormalization',
  'Conv',
  'Div',
  'Dropout',
  'Flatten',
  'Gemm',
  'GlobalAveragePool',
  'Identity',
  'MatMul',
  'Mul',
  'Neg',
  'Pad',
  'ReduceMean',
  'ReduceSum',
  'Reshape',
  'Squeeze',
  'Sub',
  'Transpose',
  'Unsqueeze',
]);

/**
 * Effects behind a linear tail f(a) = J a + b: zeroing unit j changes logit c by exactly the sum over the unit's positions of
 * J[c, j] a[j]. Returns undefined where the tail is not linear.
 */
export async function linearTailEffects(
  classifier: Classifier,
  layer: MaskLayer,
  boundary: readonly string[],
  runtime: Runtime,
): Promise<UnitEffects | undefined> {
  if (boundary.length > 1 || !hasLinearTail(classifier, layer)) return undefined;
  const jacobian = await tailJacobian(
    subgraph(classifier.model, [layer.tensor], [classifier.logits]),
    classifier,
    layer,
    runtime,
  );
  const stride = unitStride(layer);
  const size = sizeOf(layer.dims);
  return {
    async measure({ values, labels }, visit) {
      const activations = outputOf(values, layer.tensor);
      const effects = new Float64Array(layer.units);
      for (const [image, label] of labels.entries()) {
        effects.fill(0);
        for (let i = 0; i < size; i++) {
          const unit = Math.floor(i / stride) % layer.units;
          effects[unit]! += activations[image * size + i]! * jacobian[label * size + i]!;
        }
        for (const [unit, effect] of effects.entries()) if (effect !== 0) visit(image, unit, effect);
      }
    },
    release: async () => {},
  };
}

/** Whether the logits are an affine function of the layer's values, as far as the ops between them tell. */
export function hasLinearTail({ model, logits }: Classifier, { tensor }: MaskLayer): boolean {
  return isAffine(nodesBetween(model.graph, new Set([tensor]), [logits]), tensor);
}

function isAffine(tail: readonly Node[], source: string): boolean {
  const live = new Set([source]);
  return tail.every(({ op, inputs, outputs }) => {
    for (const name of outputs) live.add(name);
    return (
      AFFINE.has(op) &&
      inputs.filter((name) => live.has(name)).length === 1 &&
      (op !== 'Div' || live.has(inputs[0] ?? ''))
    );
  });
}

/** J [C, ...dims]: the gradient of logit c in row c, from one run of the tail's gradient at zero. */
async function tailJacobian(tail: Model, { classes, logits }: Classifier, layer: MaskLayer, runtime: Runtime) {
  const builder = GraphBuilder.from(tail.graph);
  const cotangent = builder.input('cotangent', [{ batch: 1 }, classes]);
  const gradient = appendGradient(builder, logits, cotangent, layer.tensor);
  const session = await runtime.createSession(builder.build([gradient], 'tail jacobian'));
  const identity = float32([classes, classes]);
  for (let c = 0; c < classes; c++) identity.data[c * classes + c] = 1;
  try {
    const outputs = await session.run({ [layer.tensor]: float32([classes, ...layer.dims]), cotangent: identity });
    return outputOf(outputs, gradient);
  } finally {
    await session.release();
  }
}
