import { type Dim, intOf, isBatch, type Node } from '../../onnx/graph.ts';
import { axesAfter } from './axis-moves.ts';
import { hasShapeOf, isElementwise } from './elementwise.ts';
import type { GraphValues } from './graph-values.ts';

/** Which axis of a value holds its units, where the graph tells. */

/** What a node says of the axes of the value it reads as input `index`, or gives: those along which features lie. */
type Testimony = (node: Node, value: string, index: number, values: GraphValues) => number | undefined;

/** By ONNX's definition [N, C, ...]. */
const channelsSecond: Testimony = (_, __, index) => (index === 0 ? 1 : undefined);

/** A norm over the last axis normalises the features of a position; one over several axes says nothing of each. */
const normalisedLast: Testimony = (node, value, index, { dims }) => {
  const rank = dims(value).length;
  const axis = intOf(node, 'axis', -1);
  return index === 0 && (axis === -1 || axis === rank - 1) ? rank - 1 : undefined;
};

/** Weights [in, out] behind a value mix its last axis, weights before it the one before that. */
const mixedByWeights: Testimony = (node, value, index, { dims, constant }) => {
  const rank = dims(value).length;
  const [left, right] = node.inputs.map((name) => constant(name));
  if (index === 0 && right?.dims.length === 2) return rank - 1;
  return index !== 0 && left?.dims.length === 2 ? rank - 2 : undefined;
};

const TESTIMONIES: Readonly<Record<string, Testimony>> = {
  ...Object.fromEntries(
    [
      ...['Conv', 'ConvTranspose', 'BatchNormalization', 'InstanceNormalization', 'GroupNormalization', 'LRN'],
      ...['MaxPool', 'AveragePool', 'LpPool', 'GlobalMaxPool', 'GlobalAveragePool', 'DepthToSpace', 'SpaceToDepth'],
    ].map((op) => [op, channelsSecond]),
  ),
  LayerNormalization: normalisedLast,
  MatMul: mixedByWeights,
  Gemm: (node, _, index) => (index === 0 && intOf(node, 'transA', 0) === 0 ? 1 : undefined),
};

/** A number for each unit: a bias, a scale, the slopes of a PReLU. */
function perUnitConstant(node: Node, value: string, { dims, constant }: GraphValues): number | undefined {
  const shape = dims(value);
  const vectors = node.inputs.flatMap((name) => {
    const own = constant(name)?.dims ?? [];
    const axes = [...own.keys()].filter((axis) => own[axis]! > 1);
    const axis = axes[0]! + shape.length - own.length;
    return axes.length === 1 && own[axes[0]!] === shape[axis] ? [axis] : [];
  });
  return vectors[0];
}

function testimoniesOf(value: string, values: GraphValues): number[] {
  const producer = values.producer(value);
  const said = (node: Node, index: number) =>
    isElementwise(node)
      ? perUnitConstant(node, value, values)
      : (node.domain === '' ? TESTIMONIES[node.op] : undefined)?.(node, value, index, values);
  const read = values.readers(value).flatMap((node) => {
    const fits = !isElementwise(node) || hasShapeOf(value, node.outputs[0]!, values);
    return fits ? [said(node, node.inputs.indexOf(value))] : [];
  });
  const given =
    producer === undefined || producer.outputs[0] !== value ? undefined : saidOfOutput(producer, said, values);
  return [...read, given].filter((axis) => axis !== undefined);
}

/** What gives a value lays it out as it would read it: weights before the other operand give its rows. */
function saidOfOutput(
  producer: Node,
  said: (node: Node, index: number) => number | undefined,
  { constant }: GraphValues,
): number | undefined {
  const weightsFirst = producer.op === 'MatMul' && constant(producer.inputs[0]!) !== undefined;
  return said(producer, weightsFirst ? 1 : 0);
}

/** A value that was reached, and for each of its axes the one of the value asked about that it is. */
interface Reached {
  readonly name: string;
  readonly axes: readonly (number | undefined)[];
}

/** The axis of a value that holds its units, undefined where the graph does not tell. */
export type UnitAxes = (value: string) => number | undefined;

/** `unitAxis` for many values of a graph: those that element-wise nodes join have one answer, which is found once. */
export function unitAxes(values: GraphValues): UnitAxes {
  const known = new Map<string, number | undefined>();
  return (value) => {
    if (!known.has(value)) {
      const { axis, alike } = unitAxis(value, values);
      for (const name of alike) known.set(name, axis);
    }
    return known.get(value);
  };
}

/**
 * The axis of `value` that holds its units: what the nodes around it say that know of one, as long as they agree. Element-wise
 * nodes keep a layout, so what lies beyond them is heard with the value itself; beyond transposes and reshapes only where
 * nothing nearer speaks. Undefined where nothing does, or two contradict each other. `alike` are the values with the same answer.
 */
function unitAxis(value: string, values: GraphValues): { axis: number | undefined; alike: readonly string[] } {
  const dims = values.dims(value);
  const only = onlyAxis(dims);
  if (only !== undefined) return { axis: only, alike: [value] };
  const seen = new Set([value]);
  const nearest = sameLayout({ name: value, axes: [...dims.keys()] }, seen, values);
  const alike = nearest.map(({ name }) => name);
  for (let level = nearest; level.length > 0; ) {
    const said = level.flatMap(({ name, axes }) => testimoniesOf(name, values).map((axis) => axes[axis]));
    const axes = new Set(said.filter((axis) => axis !== undefined && axis > 0));
    if (axes.size > 0) return { axis: axes.size === 1 ? [...axes][0] : undefined, alike };
    const beyond = level.flatMap((reached) => otherLayouts(reached, seen, values));
    level = beyond.flatMap((reached) => sameLayout(reached, seen, values));
  }
  return { axis: undefined, alike };
}

/** [N, D], [N, D, 1, 1]: there is one axis to choose from. */
function onlyAxis(dims: readonly Dim[]): number | undefined {
  const wide = [...dims.keys()].filter((axis) => !isBatch(dims[axis]!) && dims[axis] !== 1);
  if (dims.length === 2) return 1;
  return wide.length === 1 ? wide[0] : undefined;
}

/** The value and all that element-wise nodes join it with. */
function sameLayout(start: Reached, seen: Set<string>, values: GraphValues): Reached[] {
  const found = [start];
  for (const { name } of found) {
    const around = [...values.readers(name), values.producer(name)].filter((node) => node !== undefined);
    for (const node of around.filter((near) => isElementwise(near) && hasShapeOf(name, near.outputs[0]!, values))) {
      for (const other of [...node.inputs, ...node.outputs]) {
        const joins = other !== '' && !seen.has(other) && values.constant(other) === undefined;
        if (!joins || !hasShapeOf(other, name, values)) continue;
        seen.add(other);
        found.push({ name: other, axes: start.axes });
      }
    }
  }
  return found;
}

/** The values one transpose, reshape or the like away. */
function otherLayouts({ name, axes }: Reached, seen: Set<string>, values: GraphValues): Reached[] {
  const producer = values.producer(name);
  const forward = values.readers(name).flatMap((node) => {
    const output = node.outputs[0]!;
    const moved = node.inputs[0] === name ? axesAfter(node, values) : undefined;
    return moved === undefined
      ? []
      : [{ name: output, axes: moved.map((axis) => (axis === undefined ? axis : axes[axis])) }];
  });
  const before = producer?.outputs[0] === name ? axesAfter(producer, values) : undefined;
  const source = producer?.inputs[0];
  const backward =
    before === undefined || source === undefined
      ? []
      : [{ name: source, axes: values.dims(source).map((_, axis) => axes[before.indexOf(axis)]) }];
  return [...forward, ...backward].filter(({ name: other, axes: known }) => {
    if (seen.has(other) || known.every((axis) => axis === undefined)) return false;
    seen.add(other);
    return true;
  });
}
