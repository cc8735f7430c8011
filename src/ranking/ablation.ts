import { type Classifier, type MaskLayer, unitStride } from '../models/classifier.ts';
import { float32, sizeOf, type TypedTensor } from '../numeric/tensor.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import type { Model } from '../onnx/graph.ts';
import { outputOf, type Runtime } from '../onnx/runtime.ts';
import { appendCopy, subgraph } from '../onnx/splice.ts';
import type { UnitEffects } from './unit-effects.ts';

const KEEP = 'keep';

/**
 * Effects behind a tail that is not linear: the tail alone is run on copies of an image's values, each with one unit left
 * out, the copies made inside the graph. Units that are zero everywhere on an image are skipped: leaving them out does nothing.
 */
export async function ablationEffects(
  classifier: Classifier,
  layer: MaskLayer,
  boundary: readonly string[],
  batchSize: number,
  runtime: Runtime,
): Promise<UnitEffects> {
  const { model, logits: output } = ablationModel(classifier, layer, boundary);
  const session = await runtime.createSession(model);
  return {
    async measure({ values, labels }, visit) {
      for (const [image, label] of labels.entries()) {
        const feeds = Object.fromEntries(
          Object.entries(values).map(([name, { dims, data }]) => [name, rowOf(data, dims.slice(1), image)]),
        );
        const active = activeUnits(outputOf(feeds, layer.tensor), layer);
        let whole: number | undefined;
        for (let first = 0; first < active.length; first += batchSize) {
          const units = active.slice(first, first + batchSize);
          const outputs = await session.run({ ...feeds, [KEEP]: keepAllBut(units, layer) });
          const logits = outputOf(outputs, output);
          const logit = (row: number) => logits[row * classifier.classes + label]!;
          whole ??= logit(0);
          for (const [row, unit] of units.entries()) visit(image, unit, whole - logit(row + 1));
        }
      }
    },
    release: () => session.release(),
  };
}

/** The tail on one image's boundary values [1, ...], repeated and masked by `keep` [N, D, 1, 1]. */
function ablationModel(
  classifier: Classifier,
  layer: MaskLayer,
  boundary: readonly string[],
): { model: Model; logits: string } {
  const tail = subgraph(classifier.model, boundary, [classifier.logits]);
  const builder = new GraphBuilder();
  for (const [name, tensor] of tail.graph.initializers) builder.initializer(name, tensor);
  const keep = builder.input(KEEP, [{ batch: 1 }, ...layer.dims.map((dim, axis) => (axis === layer.axis ? dim : 1))]);
  const copies = builder.op('Slice', [builder.op('Shape', [keep]), builder.ints([0]), builder.ints([1])]);
  const values = tail.graph.inputs.map(({ name, dims = [] }) => {
    const fixed = dims.slice(1).map(Number);
    const value = builder.input(name, [1, ...fixed]);
    if (name === layer.tensor) return [name, builder.op('Mul', [value, keep])] as const;
    const shape = builder.op('Concat', [copies, builder.ints(fixed)], { axis: 0 });
    return [name, builder.op('Expand', [value, shape])] as const;
  });
  const logits = appendCopy(builder, tail.graph, new Map(values), classifier.logits);
  return { model: builder.build([logits], 'ablation'), logits };
}

/** Row 0 keeps every unit, row i + 1 all but units[i]. */
function keepAllBut(units: readonly number[], layer: MaskLayer): TypedTensor<'float32'> {
  const dims = layer.dims.map((dim, axis) => (axis === layer.axis ? dim : 1));
  const keep = float32([units.length + 1, ...dims], new Float32Array((units.length + 1) * layer.units).fill(1));
  for (const [row, unit] of units.entries()) keep.data[(row + 1) * layer.units + unit] = 0;
  return keep;
}

function activeUnits(values: Float32Array, layer: MaskLayer): number[] {
  const stride = unitStride(layer);
  const active = new Uint8Array(layer.units);
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) active[Math.floor(i / stride) % layer.units] = 1;
  return Array.from(active.keys()).filter((unit) => active[unit] === 1);
}

function rowOf(data: Float32Array, dims: readonly number[], row: number): TypedTensor<'float32'> {
  const size = sizeOf(dims);
  return float32([1, ...dims], data.subarray(row * size, (row + 1) * size));
}
