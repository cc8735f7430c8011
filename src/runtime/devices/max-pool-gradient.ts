import { sizeOf } from '../../numeric/tensor.ts';
import type { GraphBuilder } from '../../onnx/builder.ts';
import { type Dim, intsOf, type Node, stringOf } from '../../onnx/graph.ts';
import type { Rule } from '../../onnx/passes/rewrite.ts';
import { type Windows, windowsOf } from '../../onnx/shapes/windows.ts';

/**
 * The gradient of a MaxPool for devices that cannot tell where the maxima were: each offset of the kernel is compared with the
 * pooled value, the first that equals it takes the gradient, as in PyTorch. On onnxruntime's CPU the form with indices is 1.5
 * times faster for 3 x 3 at stride 2 (`bench/gradient-ops/index.ts MaxPool`), so only devices that need it get this one.
 */

/** The lowest float32: no window that holds an element has it for its maximum. */
const LOWEST = -(2 - 2 ** -23) * 2 ** 127;

/** A pool, its input, and the gradient of its output. */
interface PoolGradient {
  readonly node: Node;
  readonly x: string;
  readonly dy: string;
}

/** Puts comparisons in the place of a ScatterElements that takes a gradient to the maxima of a pool. */
export const maxPoolGradient: Rule = (node, builder) => {
  const pool = poolGradientOf(node, builder);
  if (pool === undefined) return undefined;
  const spatial = builder.shape(pool.x).slice(2).map(Number);
  const windows = windowsOf(pool.node, spatial, intsOf(pool.node, 'kernel_shape')!);
  const isGlobal = sizeOf(windows.output) === 1 && windows.kernel.every((taps, axis) => taps === spatial[axis]);
  const gradient = isGlobal ? toFirstMaximum(builder, pool) : toMaxima(builder, pool, windows);
  return builder.reshape(gradient, builder.shape(node.inputs[0]!));
};

/** The scatter that `src/onnx/autodiff/rules/pooling.ts` writes: flat zeros, flat indices of a pool, its flat gradient. */
function poolGradientOf(node: Node, builder: GraphBuilder): PoolGradient | undefined {
  const giver = (name: string) => builder.nodes.findLast(({ outputs }) => outputs.includes(name));
  const [indices, updates] = [node.inputs[1]!, node.inputs[2]!].map(giver);
  const pool = indices?.op === 'Reshape' ? giver(indices.inputs[0]!) : undefined;
  const adds = stringOf(node, 'reduction', 'none') === 'add';
  if (!adds || updates?.op !== 'Reshape' || pool?.op !== 'MaxPool' || pool.outputs[1] !== indices?.inputs[0])
    return undefined;
  return { node: pool, x: pool.inputs[0]!, dy: updates.inputs[0]! };
}

/** One window over everything: [N, C, ...]. */
function toFirstMaximum(builder: GraphBuilder, { x, dy }: PoolGradient): string {
  const dims = builder.shape(x);
  const places = sizeOf(dims.slice(2).map(Number));
  const flat = (value: string, length: number) => builder.reshape(value, [dims[0]!, dims[1]!, length]);
  const values = flat(x, places);
  const largest = builder.op('ReduceMax', [values, builder.ints([2])]);
  const order = builder.constant([...Array(places).keys()], [1, 1, places]);
  const winners = builder.op('Where', [builder.op('Equal', [values, largest]), order, builder.constant(places)]);
  const isFirst = builder.op('Equal', [order, builder.op('ReduceMin', [winners, builder.ints([2])])]);
  return builder.reshape(builder.op('Where', [isFirst, flat(dy, 1), builder.constant(0)]), dims);
}

/** How the places of an axis fall into phases: place p of the padded input is in phase p mod stride. */
interface Axis {
  readonly stride: number;
  /** Windows. */
  readonly steps: number;
  readonly before: number;
  readonly size: number;
  /** Places of a phase. */
  readonly count: number;
}

function toMaxima(builder: GraphBuilder, { node, x, dy }: PoolGradient, windows: Windows): string {
  const { kernel, strides, dilations, padsBegin, output } = windows;
  const axes = builder
    .shape(x)
    .slice(2)
    .map((size, axis): Axis => {
      const [stride, steps, before] = [strides[axis]!, output[axis]!, padsBegin[axis]!];
      const reach = stride * (steps - 1) + dilations[axis]! * (kernel[axis]! - 1) + 1;
      const count = Math.ceil(Math.max(reach, before + Number(size)) / stride);
      return { stride, steps, before, size: Number(size), count };
    });
  const y = builder.op('MaxPool', [x], node.attributes);
  const padded = surrounded(builder, x, axes);
  const parts = new Map<string, string>();
  let rest = dy;
  for (const offset of offsetsOf(kernel)) {
    const places = offset.map((tap, axis) => tap * dilations[axis]!);
    const isLargest = builder.op('Equal', [strided(builder, padded, places, axes), y]);
    const won = builder.op('Where', [isLargest, rest, builder.constant(0)]);
    rest = builder.op('Where', [isLargest, builder.constant(0), rest]);
    const phase = places.map((place, axis) => place % strides[axis]!).join();
    const part = placed(builder, won, places, axes);
    const sum = parts.get(phase);
    parts.set(phase, sum === undefined ? part : builder.op('Add', [sum, part]));
  }
  return joined(builder, parts, axes);
}

/** Every offset of a kernel in the order in which PyTorch looks for the maximum. */
function offsetsOf(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>(
    (offsets, taps) => offsets.flatMap((offset) => Array.from({ length: taps }, (_, tap) => [...offset, tap])),
    [[]],
  );
}

/** x with what no window prefers around it, up to whole phases. */
function surrounded(builder: GraphBuilder, x: string, axes: readonly Axis[]): string {
  const before = axes.map((axis) => axis.before);
  const after = axes.map(({ stride, count, before, size }) => stride * count - before - size);
  if ([...before, ...after].every((pad) => pad === 0)) return x;
  return builder.op('Pad', [x, builder.ints([0, 0, ...before, 0, 0, ...after]), builder.constant(LOWEST)]);
}

/** What every window sees at an offset: [N, C, ...steps]. */
function strided(builder: GraphBuilder, padded: string, places: readonly number[], axes: readonly Axis[]): string {
  const ends = axes.map(({ stride, steps }, axis) => places[axis]! + stride * (steps - 1) + 1);
  const inputs = [places, ends, axes.map((_, axis) => axis + 2), axes.map(({ stride }) => stride)];
  return builder.op('Slice', [padded, ...inputs.map((values) => builder.ints(values))]);
}

/** The share of an offset among the places of its phase: [N, C, ...count]. */
function placed(builder: GraphBuilder, won: string, places: readonly number[], axes: readonly Axis[]): string {
  const first = axes.map(({ stride }, axis) => Math.floor(places[axis]! / stride));
  const last = axes.map(({ count, steps }, axis) => count - steps - first[axis]!);
  if ([...first, ...last].every((pad) => pad === 0)) return won;
  return builder.op('Pad', [won, builder.ints([0, 0, ...first, 0, 0, ...last])]);
}

/** Puts the phases between each other, and takes the padding away: [N, C, ...size]. */
function joined(builder: GraphBuilder, parts: ReadonlyMap<string, string>, axes: readonly Axis[]): string {
  const phases = offsetsOf(axes.map(({ stride }) => stride)).map((phase) => phase.join());
  const [some = ''] = parts.values();
  const zeros = () => builder.op('Where', [builder.op('Greater', [some, some]), some, builder.constant(0)]);
  const values = phases.map((phase) => parts.get(phase) ?? zeros());
  const whole = values.length === 1 ? values[0]! : interleaved(builder, values, axes);
  const [starts, ends] = [axes.map(({ before }) => before), axes.map(({ before, size }) => before + size)];
  const isWhole = axes.every(({ before, size, stride, count }) => before === 0 && size === stride * count);
  if (isWhole) return whole;
  return builder.op('Slice', [
    whole,
    builder.ints(starts),
    builder.ints(ends),
    builder.ints(axes.map((_, axis) => axis + 2)),
  ]);
}

function interleaved(builder: GraphBuilder, values: readonly string[], axes: readonly Axis[]): string {
  const [batch, channels] = builder.shape(values[0]!) as [Dim, number];
  const stacked = builder.op(
    'Concat',
    values.map((value) => builder.op('Unsqueeze', [value, builder.ints([2])])),
    { axis: 2 },
  );
  const [strides, counts] = [axes.map(({ stride }) => stride), axes.map(({ count }) => count)];
  const apart = builder.reshape(stacked, [batch, channels, ...strides, ...counts]);
  const perm = [0, 1, ...axes.flatMap((_, axis) => [2 + axes.length + axis, 2 + axis])];
  const between = builder.op('Transpose', [apart], { perm });
  return builder.reshape(between, [batch, channels, ...axes.map(({ stride, count }) => stride * count)]);
}
