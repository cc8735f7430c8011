import { toNumbers } from '../../numeric/tensor.ts';
import { type Dim, intOf, intsOf, isBatch, type Node, sameDim } from '../../onnx/graph.ts';
import type { GraphValues } from './graph-values.ts';

/** For each axis of a node's first output, the axis of its first input that it is. */
type AxisMove = (
  node: Node,
  input: readonly Dim[],
  output: readonly Dim[],
  values: GraphValues,
) => (number | undefined)[];

const transposed: AxisMove = (node, input) => [...(intsOf(node, 'perm') ?? [...input.keys()].reverse())];

/** Row-major, an axis is told by its length and by how many values lie between two of its steps. */
const reshaped: AxisMove = (_, input, output) =>
  output.map((dim, axis) => {
    const stride = strideAt(output, axis);
    if (isBatch(dim) || dim === 1 || stride === undefined) return undefined;
    const found = input.findIndex((other, at) => other === dim && strideAt(input, at) === stride);
    return found < 0 ? undefined : found;
  });

/** Number of values between two steps; undefined where the batch is among them. */
function strideAt(dims: readonly Dim[], axis: number): number | undefined {
  let stride = 1;
  for (const dim of dims.slice(axis + 1)) {
    if (isBatch(dim)) return undefined;
    stride *= dim;
  }
  return stride;
}

/** Axes that keep their length are not what is cut, padded or joined. */
const resized: AxisMove = (_, input, output) =>
  output.map((dim, axis) => (sameDim(dim, input[axis]!) ? axis : undefined));

const reduced: AxisMove = (node, input, output, { constant }) => {
  const axes = constant(node.inputs[1] ?? '');
  const gone =
    axes === undefined ? [...input.keys()] : toNumbers(axes).map((axis) => (axis + input.length) % input.length);
  const left = [...input.keys()].filter((axis) => !gone.includes(axis));
  if (output.length < input.length) return left;
  return [...input.keys()].map((axis) => (gone.includes(axis) ? undefined : axis));
};

/** An axis gives way to those of the indices: none, where one of its entries is taken. */
const gathered: AxisMove = (node, input, output) => {
  const axis = (intOf(node, 'axis', 0) + input.length) % input.length;
  const added = output.length - input.length + 1;
  return [...input.keys()].flatMap((at) => (at === axis ? Array.from({ length: added }, () => undefined) : [at]));
};

const MOVES: Readonly<Record<string, AxisMove>> = {
  Transpose: transposed,
  ...Object.fromEntries(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze'].map((op) => [op, reshaped])),
  ...Object.fromEntries(['Slice', 'Pad', 'Concat', 'Split', 'Resize'].map((op) => [op, resized])),
  ...Object.fromEntries(['ReduceMean', 'ReduceMax', 'ReduceSum'].map((op) => [op, reduced])),
  Gather: gathered,
};

/** For each axis of a node's first output the axis of its first input that it is; undefined for nodes that do not keep axes. */
export function axesAfter(node: Node, values: GraphValues): readonly (number | undefined)[] | undefined {
  const [input, output] = [node.inputs[0], node.outputs[0]];
  const move = node.domain === '' ? MOVES[node.op] : undefined;
  if (move === undefined || !input || !output || values.constant(input) !== undefined) return undefined;
  return move(node, values.dims(input), values.dims(output), values);
}
