import { sizeOf, toNumbers } from '../../numeric/tensor.ts';
import { type Dim, intOf, intsOf } from '../graph.ts';
import { add, multiply, numbersIn } from './dims.ts';
import { range } from './indexing.ts';
import type { Evaluator } from './operands.ts';
import { broadcastPositions, positions, stridesOf, taken } from './positions.ts';

/** Evaluators of ops that move entries about and compute nothing. */

const same: Evaluator = (_, [input]) => input?.entries;

const transpose: Evaluator = (node, [input], output) => {
  if (input === undefined) return undefined;
  const strides = stridesOf(input.dims);
  const order = intsOf(node, 'perm') ?? [...strides.keys()].reverse();
  return taken(
    input,
    positions(
      output.dims,
      order.map((axis) => strides[axis]!),
    ),
  );
};

const expand: Evaluator = (_, [input], output) => input && taken(input, broadcastPositions(input.dims, output.dims));

/** A repeated axis is two axes: the repeats, which do not move, and the axis itself. */
const tile: Evaluator = (_, [input], output) => {
  if (input === undefined) return undefined;
  const strides = stridesOf(input.dims);
  return taken(
    input,
    positions(
      input.dims.flatMap((dim, axis) => [dim === 0 ? 0 : output.dims[axis]! / dim, dim]),
      strides.flatMap((stride) => [0, stride]),
    ),
  );
};

const slice: Evaluator = (_, [input, ...bounds], output) => {
  if (input === undefined) return undefined;
  const [starts, ends, axes, steps] = bounds.map((bound) => bound && numbersIn(bound.entries));
  if (starts === undefined || ends === undefined) return undefined;
  const strides = stridesOf(input.dims);
  let offset = 0;
  starts.forEach((start, index) => {
    const axis = ((axes?.[index] ?? index) + input.dims.length) % input.dims.length;
    const step = steps?.[index] ?? 1;
    offset += range(input.dims[axis]!, start, ends[index]!, step).first * strides[axis]!;
    strides[axis] = strides[axis]! * step;
  });
  return taken(input, positions(output.dims, strides, offset));
};

const gather: Evaluator = (node, [input, indices]) => {
  if (input === undefined || indices === undefined) return undefined;
  const axis = (intOf(node, 'axis', 0) + input.dims.length) % input.dims.length;
  const length = input.dims[axis]!;
  const inner = sizeOf(input.dims.slice(axis + 1));
  const rows = numbersIn(indices.entries)?.map((index) => (index < 0 ? index + length : index));
  if (rows === undefined || rows.some((row) => row < 0 || row >= length)) return undefined;
  const picked: Dim[] = [];
  for (let outer = 0; outer < sizeOf(input.dims.slice(0, axis)); outer++) {
    for (const row of rows) {
      const start = (outer * length + row) * inner;
      for (let index = start; index < start + inner; index++) picked.push(input.entries[index]!);
    }
  }
  return picked;
};

const concat: Evaluator = (node, inputs) => {
  const parts = inputs.filter((input) => input !== undefined);
  const rank = parts[0]?.dims.length ?? 0;
  const axis = (intOf(node, 'axis', 0) + rank) % rank;
  const joined: Dim[] = [];
  for (let outer = 0; outer < sizeOf(parts[0]?.dims.slice(0, axis) ?? []); outer++) {
    for (const { dims, entries } of parts) {
      const chunk = sizeOf(dims.slice(axis));
      for (let index = outer * chunk; index < (outer + 1) * chunk; index++) joined.push(entries[index]!);
    }
  }
  return joined;
};

const constantOfShape: Evaluator = (node, _, output) => {
  const value = node.attributes.value;
  const [fill = 0] = value?.kind === 'tensor' ? toNumbers(value.value) : [];
  return Array<number>(sizeOf(output.dims)).fill(fill);
};

const counted: Evaluator = (_, [start, , delta], output) => {
  const [first, step] = [start?.entries[0], delta?.entries[0]];
  if (first === undefined || step === undefined) return undefined;
  return Array.from({ length: sizeOf(output.dims) }, (_, index) => {
    const distance = multiply(step, index);
    return distance === undefined ? distance : add(first, distance);
  });
};

export const REARRANGEMENTS: Readonly<Record<string, Evaluator>> = {
  Identity: same,
  Dropout: same,
  Reshape: same,
  Flatten: same,
  Squeeze: same,
  Unsqueeze: same,
  Transpose: transpose,
  Expand: expand,
  Tile: tile,
  Slice: slice,
  Gather: gather,
  Concat: concat,
  ConstantOfShape: constantOfShape,
  Range: counted,
};
