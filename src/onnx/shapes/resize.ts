import { type Dim, formatDims, intsOf, isBatch, type Node, sameDim, stringOf } from '../graph.ts';
import {
  axesOf,
  fail,
  operandOfRank,
  optionalEntries,
  optionalNumbers,
  type RuleTable,
  type ShapeRule,
  unknown,
} from './operands.ts';

/** https://onnx.ai/onnx/operators/onnx__Resize.html (19): inputs X, roi, scales, sizes; one of the last two is given. */
const resize: ShapeRule = (node, inputs) => {
  const { type, dims } = operandOfRank(node, inputs, 0, 1);
  const axes = axesOf(node, intsOf(node, 'axes') ?? [...dims.keys()], dims.length);
  const scales = optionalNumbers(node, inputs, 2, 'scales');
  const sizes = optionalEntries(node, inputs, 3, 'sizes');
  const wanted = sizes?.length
    ? fittedSizes(node, axes, dims, sizes)
    : axes.map((axis, index) => scaled(node, dims[axis]!, scales?.[index]));
  if (wanted.length !== axes.length)
    fail(node, `${wanted.length} sizes for ${axes.length} axes of ${formatDims(dims)}`);
  return [
    unknown(
      type,
      wanted.reduce<readonly Dim[]>((result, size, index) => result.with(axes[index]!, size), dims),
    ),
  ];
};

/** In float32, as onnxruntime computes it: 0.7 * 10 may be just below 7. */
function scaled(node: Node, dim: Dim, scale: number | undefined): Dim {
  if (scale === undefined) fail(node, 'neither scales nor sizes are given for every axis');
  if (isBatch(dim)) return scale === 1 ? dim : fail(node, `the batch dimension cannot be scaled by ${scale}`);
  return Math.floor(Math.fround(Math.fround(scale) * dim));
}

/** The sizes, brought to one scale where the node has a policy that keeps the aspect ratio. */
function fittedSizes(node: Node, axes: readonly number[], dims: readonly Dim[], sizes: readonly Dim[]): readonly Dim[] {
  const policy = stringOf(node, 'keep_aspect_ratio_policy', 'stretch');
  const ratios = axes.map((axis, index) => ratio(node, dims[axis]!, sizes[index]!));
  if (policy === 'stretch') return sizes;
  const scale = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
  return axes.map((axis) => {
    const dim = dims[axis]!;
    return isBatch(dim) ? fail(node, `${policy} cannot keep the ratio of the batch`) : Math.round(scale * dim);
  });
}

function ratio(node: Node, dim: Dim, size: Dim): number {
  if (isBatch(dim) || isBatch(size)) {
    return sameDim(dim, size) ? 1 : fail(node, `${formatDims([dim])} cannot be resized to ${formatDims([size])}`);
  }
  return size / dim;
}

export const RESIZE_RULES: RuleTable = { Resize: resize };
