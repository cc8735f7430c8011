import { toNumbers } from '../../../tensor/tensor.ts';
import { type Dim, intOf, isBatch, stringOf } from '../../graph.ts';
import { fail, staticDims } from '../../shapes/operands.ts';
import { range } from '../../shapes/slice.ts';
import { adjointIndex } from '../adjoint-index.ts';
import { type GradientTable, type InputRule, perInput, type Site } from '../rule.ts';

/** Ops that pick elements at places known beforehand; the gradient goes back there, and elsewhere it is zero. */

const slice: InputRule = (site) => {
  const { builder, node, x, y, dy } = site;
  const [starts, ends, axes, steps] = [1, 2, 3, 4].map((index) => numbersAt(site, index));
  const dims = builder.shape(x);
  const sliced = builder.shape(y);
  return (axes ?? [...starts!.keys()]).reduce((value, given, index) => {
    const axis = given < 0 ? given + dims.length : given;
    if (isBatch(dims[axis]!)) return alongBatch(site, value, sliced[axis]!, dims[axis]!);
    const [length] = staticDims(node, [dims[axis]!], 'sliced axis') as [number];
    const step = steps?.[index] ?? 1;
    const { first, length: count } = range(length, starts![index]!, ends![index]!, step);
    const picked = Array.from({ length: count }, (_, j) => first + j * step);
    return adjointIndex(builder, value, axis, picked, length);
  }, dy);
};

function alongBatch({ node }: Site, value: string, sliced: Dim, whole: Dim): string {
  if (isBatch(sliced) && isBatch(whole) && sliced.batch === whole.batch) return value;
  return fail(node, 'no gradient rule for a slice of the batch');
}

function numbersAt({ builder, inputs }: Site, index: number): number[] | undefined {
  const name = inputs[index];
  const tensor = name ? builder.constantOf(name) : undefined;
  return tensor && toNumbers(tensor);
}

/** Indices are joined to one axis, which picks from the axis of x. */
const gather: InputRule = (site) => {
  const { builder, node, x, dy } = site;
  const dims = builder.shape(x);
  const axis = (intOf(node, 'axis', 0) + dims.length) % dims.length;
  const indices = numbersAt(site, 1) ?? fail(node, 'no gradient rule for indices that depend on the data');
  const [length] = staticDims(node, [dims[axis]!], 'gathered axis') as [number];
  const joined = builder.reshape(dy, dims.with(axis, indices.length));
  const places = indices.map((index) => (index < 0 ? index + length : index));
  return adjointIndex(builder, joined, axis, places, length);
};

const pad: InputRule = (site) => {
  const { builder, node, x, dy } = site;
  const dims = builder.shape(x);
  const pads = numbersAt(site, 1)!;
  const axes = numbersAt(site, 3)?.map((axis) => (axis + dims.length) % dims.length) ?? [...dims.keys()];
  const mode = stringOf(node, 'mode', 'constant');
  if (mode === 'constant') {
    return builder.op('Pad', [dy, builder.ints(pads.map((count) => -count)), '', builder.ints(axes)]);
  }
  return axes.reduce((value, axis, index) => {
    const [before, after] = [pads[index]!, pads[index + axes.length]!];
    if (before === 0 && after === 0) return value;
    const [length] = staticDims(node, [dims[axis]!], 'padded axis') as [number];
    const source = SOURCES[mode] ?? fail(node, `no gradient rule for padding mode "${mode}"`);
    const picked = Array.from({ length: before + length + after }, (_, j) => source(j - before, length));
    return adjointIndex(builder, value, axis, picked, length);
  }, dy);
};

/** The element a padding cell copies, by its place before 0 or from `length` on. */
const SOURCES: Readonly<Record<string, (place: number, length: number) => number>> = {
  edge: (place, length) => Math.min(Math.max(place, 0), length - 1),
  reflect: (place, length) => {
    const period = Math.max(2 * (length - 1), 1);
    const within = ((place % period) + period) % period;
    return Math.min(within, period - within);
  },
  wrap: (place, length) => ((place % length) + length) % length,
};

/** Only the triangle passes. */
const trilu: InputRule = ({ builder, node, inputs, dy }) =>
  builder.op('Trilu', [dy, ...inputs.slice(1)], { upper: intOf(node, 'upper', 1) });

export const INDEXING_RULES: GradientTable = {
  Slice: perInput(slice),
  Gather: perInput(gather),
  Pad: perInput(pad),
  Trilu: perInput(trilu),
};
