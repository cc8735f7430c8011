import { type Dim, formatDims, intOf, isBatch, type Node, sameDim } from '../graph.ts';
import { add, divide, multiply } from './dims.ts';
import { slicedDims } from './indexing.ts';
import {
  axesOf,
  axisOf,
  commonType,
  fail,
  operand,
  operandOfRank,
  optionalEntries,
  optionalNumbers,
  type RuleTable,
  requiredEntries,
  requiredNumbers,
  type ShapeRule,
  unknown,
} from './operands.ts';

/** Ops that join, cut and repeat. */

const concat: ShapeRule = (node, inputs) => {
  const parts = inputs.map((_, index) => operand(node, inputs, index));
  const [first, ...rest] = parts;
  if (first === undefined) fail(node, 'it has no inputs');
  const axis = axisOf(node, intOf(node, 'axis', 0), first.dims.length);
  const dims = rest.reduce((sum, part) => joined(node, axis, sum, part.dims), first.dims);
  return [unknown(commonType(node, parts), dims)];
};

function joined(node: Node, axis: number, sum: readonly Dim[], part: readonly Dim[]): readonly Dim[] {
  const aligned = part.length === sum.length && part.every((dim, at) => at === axis || sameDim(dim, sum[at]!));
  const length = aligned ? add(sum[axis]!, part[axis]!) : undefined;
  if (length === undefined) {
    fail(node, `shapes ${formatDims(sum)} and ${formatDims(part)} cannot be joined along axis ${axis}`);
  }
  return sum.with(axis, length);
}

/** https://onnx.ai/onnx/operators/onnx__Split.html (18): equal parts, the last one smaller where it does not divide. */
const split: ShapeRule = (node, inputs) => {
  const { type, dims } = operandOfRank(node, inputs, 0, 1);
  const axis = axisOf(node, intOf(node, 'axis', 0), dims.length);
  const sizes = optionalNumbers(node, inputs, 1, 'sizes') ?? equalParts(node, dims[axis]!);
  const total = sizes.reduce<Dim | undefined>((sum, size) => (sum === undefined ? sum : add(sum, size)), 0);
  if (sizes.length !== node.outputs.length || total === undefined || !sameDim(total, dims[axis]!)) {
    fail(node, `sizes ${formatDims(sizes)} do not split axis ${axis} of ${formatDims(dims)} for its outputs`);
  }
  return sizes.map((size) => unknown(type, dims.with(axis, size)));
};

function equalParts(node: Node, dim: Dim): readonly Dim[] {
  const count = node.outputs.length;
  if (intOf(node, 'num_outputs', count) !== count) fail(node, `num_outputs is not its ${count} outputs`);
  const exact = divide(dim, count);
  if (exact !== undefined) return Array<Dim>(count).fill(exact);
  if (isBatch(dim)) fail(node, `${count} parts do not divide the batch dimension ${formatDims([dim])}`);
  const size = Math.ceil(dim / count);
  return Array.from({ length: count }, (_, part) => Math.max(0, Math.min(size, dim - part * size)));
}

const slice: ShapeRule = (node, inputs) => {
  const { type, dims } = operandOfRank(node, inputs, 0, 1);
  const starts = requiredEntries(node, inputs, 1, 'starts');
  const ends = requiredEntries(node, inputs, 2, 'ends');
  const axes = axesOf(node, optionalNumbers(node, inputs, 3, 'axes') ?? [...starts.keys()], dims.length);
  const steps = optionalNumbers(node, inputs, 4, 'steps') ?? starts.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length) {
    fail(node, `${starts.length} starts, ${ends.length} ends, ${axes.length} axes and ${steps.length} steps`);
  }
  return [unknown(type, slicedDims(node, dims, { starts, ends, axes, steps }))];
};

/** https://onnx.ai/onnx/operators/onnx__Pad.html: counts before each axis, then after each; negative ones crop. */
const pad: ShapeRule = (node, inputs) => {
  const { type, dims } = operand(node, inputs, 0);
  const pads = requiredNumbers(node, inputs, 1, 'pads');
  const axes = axesOf(node, optionalNumbers(node, inputs, 3, 'axes') ?? [...dims.keys()], dims.length);
  if (pads.length !== 2 * axes.length) fail(node, `pads [${pads.join(', ')}] do not fit input ${formatDims(dims)}`);
  const padded = [...dims];
  axes.forEach((axis, index) => {
    const length = add(padded[axis]!, pads[index]! + pads[index + axes.length]!);
    if (length === undefined || (!isBatch(length) && length < 0)) {
      fail(node, `pads [${pads.join(', ')}] do not fit axis ${axis} of input ${formatDims(dims)}`);
    }
    padded[axis] = length;
  });
  return [unknown(type, padded)];
};

const tile: ShapeRule = (node, inputs) => {
  const { type, dims } = operand(node, inputs, 0);
  const repeats = optionalEntries(node, inputs, 1, 'repeats') ?? [];
  const tiled = dims.map((dim, axis) => multiply(dim, repeats[axis] ?? 1));
  if (repeats.length !== dims.length || !tiled.every((dim) => dim !== undefined)) {
    fail(node, `input ${formatDims(dims)} cannot be repeated ${formatDims(repeats)} times`);
  }
  return [unknown(type, tiled)];
};

/** Blocks of b x b pixels go to and fro between channels and space. */
function rearranged(direction: 'toSpace' | 'toDepth'): ShapeRule {
  return (node, inputs) => {
    const { type, dims } = operandOfRank(node, inputs, 0, 4);
    const block = intOf(node, 'blocksize', 0);
    const [grow, shrink] = direction === 'toSpace' ? [multiply, divide] : [divide, multiply];
    const moved = [shrink(dims[1]!, block * block), grow(dims[2]!, block), grow(dims[3]!, block)];
    if (block < 1 || !moved.every((dim) => dim !== undefined)) {
      fail(node, `blocks of ${block} do not fit input ${formatDims(dims)}`);
    }
    return [unknown(type, [dims[0]!, ...moved])];
  };
}

export const MOVEMENT_RULES: RuleTable = {
  Concat: concat,
  Split: split,
  Slice: slice,
  Pad: pad,
  Tile: tile,
  DepthToSpace: rearranged('toSpace'),
  SpaceToDepth: rearranged('toDepth'),
};
