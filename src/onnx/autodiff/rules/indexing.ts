import { toNumbers } from '../../../numeric/tensor.ts';
import { type Dim, intOf, isBatch, stringOf } from '../../graph.ts';
import { padAxes } from '../../pads.ts';
import { range } from '../../shapes/indexing.ts';
import { fail, staticDims } from '../../shapes/operands.ts';
import { adjointIndex } from '../adjoint-index.ts';
import { type GradientTable, type InputRule, perInput, type RuleSite } from '../rule.ts';
import { zerosLike } from '../shape-helpers.ts';

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

function alongBatch({ node }: RuleSite, value: string, sliced: Dim, whole: Dim): string {
  if (isBatch(sliced) && isBatch(whole) && sliced.batch === whole.batch) return value;
  return fail(node, 'no gradient rule for a slice of the batch');
}

function numbersAt({ builder, inputs }: RuleSite, index: number): number[] | undefined {
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
    return padAxes(
      builder,
      dy,
      axes,
      pads.map((count) => -count),
    );
  }
  return axes.reduce((value, axis, index) => {
    const [before, after] = [pads[index]!, pads[index + axes.length]!];
    if (before === 0 && after === 0) return value;
    const [length] = staticDims(node, [dims[axis]!], 'padded axis') as [number];
    const source = SOURCES[mode] ?? fail(node, `no gradient rule for padding mode "${mode}"`);
    // Counts below zero crop, and what is left is what is wrapped or mirrored.
    const [cropped, kept] = [Math.max(-before, 0), length + Math.min(before, 0) + Math.min(after, 0)];
    const cells = kept + Math.max(before, 0) + Math.max(after, 0);
    const picked = Array.from({ length: cells }, (_, j) => cropped + source(j - Math.max(before, 0), kept));
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

/** Ops that read or write at places that are data: gathering and scattering are each other's adjoint. */

const gatherElements: InputRule = ({ builder, node, inputs, x, dy }) =>
  builder.op('ScatterElements', [zerosLike(builder, x), inputs[1]!, dy], {
    axis: intOf(node, 'axis', 0),
    reduction: 'add',
  });

const gatherND: InputRule = ({ builder, node, inputs, x, dy }) => {
  if (intOf(node, 'batch_dims', 0) !== 0) fail(node, 'no gradient rule for batch_dims');
  return builder.op('ScatterND', [zerosLike(builder, x), inputs[1]!, dy], { reduction: 'add' });
};

/** The values go back where they came from. */
const topK: InputRule = (site) => {
  const { builder, node, x, dy } = site;
  const indices = node.outputs[1] || topIndices(site);
  return builder.op('ScatterElements', [zerosLike(builder, x), indices, dy], { axis: intOf(node, 'axis', -1) });
};

/** The indices, where the node itself leaves them out. */
function topIndices({ builder, node, inputs }: RuleSite): string {
  const outputs = [builder.fresh('values'), builder.fresh('indices')];
  return builder.ops('TopK', inputs, { outputs, attributes: node.attributes })[1]!;
}

/** Whether updates are added to the data instead of written over it. */
function adds({ node }: RuleSite): boolean {
  const reduction = stringOf(node, 'reduction', 'none');
  return reduction === 'add' || (reduction !== 'none' && fail(node, `no gradient rule for reduction "${reduction}"`));
}

/** The data keeps its gradient but where it is written over. */
const scatteredInto: InputRule = (site) => {
  const { builder, node, inputs, dy } = site;
  if (adds(site)) return dy;
  return builder.op(node.op, [dy, inputs[1]!, zerosLike(builder, inputs[2]!)], node.attributes);
};

const indices: InputRule = ({ node }) => fail(node, 'no gradient rule for indices');

/** The updates read the gradient at the places they were written to. */
const updates =
  (gather: 'GatherElements' | 'GatherND'): InputRule =>
  (site) => {
    adds(site);
    const { builder, node, inputs, dy } = site;
    const attributes = gather === 'GatherElements' ? { axis: intOf(node, 'axis', 0) } : {};
    return builder.op(gather, [dy, inputs[1]!], attributes);
  };

export const SCATTER_RULES: GradientTable = {
  GatherElements: perInput(gatherElements),
  GatherND: perInput(gatherND),
  ScatterElements: perInput(scatteredInto, indices, updates('GatherElements')),
  ScatterND: perInput(scatteredInto, indices, updates('GatherND')),
  TopK: perInput(topK),
};
