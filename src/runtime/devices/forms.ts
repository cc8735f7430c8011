import { sizeOf, toNumbers } from '../../numeric/tensor.ts';
import { type AttributeLike, float, type GraphBuilder } from '../../onnx/builder.ts';
import { ELEMENT_CODES } from '../../onnx/element-types.ts';
import { floatOf, intOf, intsOf, isBatch, type Node } from '../../onnx/graph.ts';
import { affineOf } from '../../onnx/passes/batchnorm.ts';
import type { Rule } from '../../onnx/passes/rewrite.ts';

/** Ops in the words of others that every device knows. */

type Form = (write: Writer, node: Node, x: string) => string | undefined;

/** A rule by a formula of the first input. */
export function formOf(form: Form): Rule {
  return (node, builder) => form(writerOf(builder), node, node.inputs[0]!);
}

type Writer = ReturnType<typeof writerOf>;

function writerOf(builder: GraphBuilder) {
  const named = (operand: string | number) => (typeof operand === 'number' ? builder.constant(operand) : operand);
  const op = (name: string, inputs: readonly (string | number)[], attributes: Record<string, AttributeLike> = {}) =>
    builder.op(name, inputs.map(named), attributes);
  return {
    builder,
    op,
    add: (a: string | number, b: string | number) => op('Add', [a, b]),
    sub: (a: string | number, b: string | number) => op('Sub', [a, b]),
    mul: (a: string | number, b: string | number) => op('Mul', [a, b]),
    toFloat: (condition: string) => op('Cast', [condition], { to: ELEMENT_CODES.float32 }),
    /** A reduction along one axis, which stays as a 1. */
    along: (reduction: string, value: string, axis: number) => builder.op(reduction, [value, builder.ints([axis])]),
  };
}

/** 1 above 0, -1 below, 0 at 0. */
export const sign = formOf(({ op, sub, toFloat }, _, x) =>
  sub(toFloat(op('Greater', [x, 0])), toFloat(op('Less', [x, 0]))),
);

/** x - max x - log sum e^(x - max x). */
export const logSoftmax = formOf(({ op, sub, along }, node, x) => {
  const axis = intOf(node, 'axis', -1);
  const shifted = sub(x, along('ReduceMax', x, axis));
  return sub(shifted, op('Log', [along('ReduceSum', op('Exp', [shifted]), axis)]));
});

/** 1 at the first of the largest along the axis, else 0. */
export const hardmax = formOf(({ builder, op, along, toFloat }, node, x) => {
  const rank = builder.shape(x).length;
  const axis = (intOf(node, 'axis', -1) + rank) % rank;
  const length = builder.shape(x)[axis];
  if (typeof length !== 'number') return undefined;
  const places = builder.constant([...Array(length).keys()], placed(length, axis, rank));
  const winners = op('Where', [op('Equal', [x, along('ReduceMax', x, axis)]), places, length]);
  return toFloat(op('Equal', [places, along('ReduceMin', winners, axis)]));
});

/** gamma elu(x, alpha). */
export const selu = formOf(({ op, mul }, node, x) => {
  const alpha = float(floatOf(node, 'alpha', 1.6732632423543772));
  return mul(op('Elu', [x], { alpha }), floatOf(node, 'gamma', 1.0507009873554805));
});

/** x > 0 ? x : alpha (e^(x / alpha) - 1), and the exponential of nothing above 0. */
export const celu = formOf(({ op, sub, mul }, node, x) => {
  const alpha = floatOf(node, 'alpha', 1);
  const below = mul(sub(op('Exp', [mul(op('Min', [x, 0]), 1 / alpha)]), 1), alpha);
  return op('Where', [op('Greater', [x, 0]), x, below]);
});

/** x / (1 + |x|). */
export const softsign = formOf(({ op, add }, _, x) => op('Div', [x, add(op('Abs', [x]), 1)]));

/** x -+ bias beyond lambd, else 0. */
export const shrink = formOf(({ op, add, sub }, node, x) => {
  const [lambd, bias] = [floatOf(node, 'lambd', 0.5), floatOf(node, 'bias', 0)];
  const above = op('Where', [op('Greater', [x, lambd]), sub(x, bias), 0]);
  return op('Where', [op('Less', [x, -lambd]), add(x, bias), above]);
});

/** Blocks of places become channels: [N, C, H, W] to [N, b b C, H / b, W / b]. */
export const spaceToDepth = formOf(({ builder, op }, node, x) => {
  const [batch, channels, height, width] = builder.shape(x);
  const block = intOf(node, 'blocksize', 1);
  if ([channels, height, width].some((dim) => typeof dim !== 'number')) return undefined;
  const [rows, columns] = [Number(height) / block, Number(width) / block];
  const cells = builder.reshape(x, [batch!, Number(channels), rows, block, columns, block]);
  const moved = op('Transpose', [cells], { perm: [0, 3, 5, 1, 2, 4] });
  return builder.reshape(moved, [batch!, Number(channels) * block * block, rows, columns]);
});

/** x / (bias + alpha mean of x^2 over `size` channels)^beta; the mean as a pool along the channels. */
export const localResponse = formOf(({ builder, op, add, mul }, node, x) => {
  const dims = builder.shape(x);
  const [batch, channels, ...spatial] = dims;
  if ([channels, ...spatial].some((dim) => typeof dim !== 'number')) return undefined;
  const size = intOf(node, 'size', 1);
  const before = Math.floor((size - 1) / 2);
  const places = spatial.reduce<number>((product, dim) => product * Number(dim), 1);
  const squares = builder.reshape(mul(x, x), [batch!, 1, Number(channels), places]);
  const means = op('AveragePool', [squares], {
    kernel_shape: [size, 1],
    pads: [before, 0, size - 1 - before, 0],
    count_include_pad: 1,
  });
  const base = add(mul(means, floatOf(node, 'alpha', 1e-4)), floatOf(node, 'bias', 1));
  return mul(x, builder.reshape(op('Pow', [base, -floatOf(node, 'beta', 0.75)]), dims));
});

/** (sum |x|^p)^(1/p): the mean of all places of a window, those of the padding too, times their number. */
export const lpPool = formOf(({ op, mul }, node, x) => {
  const { p: _, ...windows } = node.attributes;
  if (intOf(node, 'ceil_mode', 0) === 1) return undefined;
  const power = intOf(node, 'p', 2);
  const size = sizeOf(intsOf(node, 'kernel_shape') ?? []);
  const means = op('AveragePool', [op('Pow', [op('Abs', [x]), power])], { ...windows, count_include_pad: 1 });
  return op('Pow', [mul(means, size), 1 / power]);
});

/** factor x + shift, one of each per channel. */
export const batchNormalization = formOf(({ builder, op, add }, node, x) => {
  const affine = affineOf(node, builder);
  if (affine === undefined) return undefined;
  const dims = builder
    .shape(x)
    .slice(1)
    .map((_, axis) => (axis === 0 ? affine.shift.length : 1));
  return add(op('Mul', [x, builder.constant(affine.factor, dims)]), builder.constant(affine.shift, dims));
});

/** (x - mean) / sqrt(variance + epsilon) scale + bias over the axes from `axis` on, the variance of what is left of the mean. */
export const layerNormalization = formOf(({ builder, add, mul }, node, x) => {
  if (node.outputs.slice(1).some((name) => name !== '')) return undefined;
  const rank = builder.shape(x).length;
  const first = (intOf(node, 'axis', -1) + rank) % rank;
  const axes = builder.ints(Array.from({ length: rank - first }, (_, at) => first + at));
  const [, scale = '', bias = ''] = node.inputs;
  const scaled = mul(standardised(builder, x, axes, floatOf(node, 'epsilon', 1e-5)), scale);
  return bias === '' ? scaled : add(scaled, bias);
});

/** (x - mean) / sqrt(variance + epsilon) scale + bias of each channel of each image. */
export const instanceNormalization = formOf(({ builder, add, mul }, node, x) => {
  const rank = builder.shape(x).length;
  const axes = builder.ints(Array.from({ length: rank - 2 }, (_, axis) => axis + 2));
  const alongChannels = (name: string) => builder.reshape(name, [-1, ...Array<number>(rank - 2).fill(1)]);
  const standard = standardised(builder, x, axes, floatOf(node, 'epsilon', 1e-5));
  const [, scale = '', bias = ''] = node.inputs;
  return add(mul(standard, alongChannels(scale)), alongChannels(bias));
});

/** (x - mean) / sqrt(variance + epsilon) over some axes, the variance of what is left of the mean. */
function standardised(builder: GraphBuilder, x: string, axes: string, epsilon: number): string {
  const { op, sub, add, mul } = writerOf(builder);
  const centred = sub(x, builder.op('ReduceMean', [x, axes]));
  const variance = builder.op('ReduceMean', [mul(centred, centred), axes]);
  return op('Div', [centred, op('Sqrt', [add(variance, epsilon)])]);
}

/** max(x, 0), which keeps NaN. */
export const relu = formOf(({ op }, _, x) => op('Max', [x, 0]));

/** min(max(x, low), high), which keeps NaN. */
export const clip = formOf(({ op }, node, x) => {
  const [, low = '', high = ''] = node.inputs;
  const raised = low === '' ? x : op('Max', [x, low]);
  return high === '' ? raised : op('Min', [raised, high]);
});

/** min(max(alpha x + beta, 0), 1), which keeps NaN. */
export const hardSigmoid = formOf(({ op, add, mul }, node, x) => {
  const ramp = add(mul(x, floatOf(node, 'alpha', 0.2)), floatOf(node, 'beta', 0.5));
  return op('Min', [op('Max', [ramp, 0]), 1]);
});

/** e^(x - max x) / sum e^(x - max x), which keeps NaN. */
export const softmax = formOf(({ op, sub, along }, node, x) => {
  const axis = intOf(node, 'axis', -1);
  const powers = op('Exp', [sub(x, along('ReduceMax', x, axis))]);
  return op('Div', [powers, along('ReduceSum', powers, axis)]);
});

/** x > 0 ? x : slope x. */
export const prelu = formOf(({ op, mul }, node, x) => op('Where', [op('Greater', [x, 0]), x, mul(x, node.inputs[1]!)]));

/** The power of operands of which those that are no images have been repeated to the shape of the result. */
export const pow: Rule = (node, builder) => {
  const shapes = node.inputs.map((name) => builder.shape(name));
  const rank = Math.max(...shapes.map(({ length }) => length));
  const full = Array.from({ length: rank }, (_, axis) => {
    const dims = shapes.map((dims) => dims[axis - rank + dims.length] ?? 1);
    return dims.find((dim) => dim !== 1) ?? 1;
  });
  if (shapes.filter((dims) => dims.some(isBatch)).length > 1) return undefined;
  const target = builder.ints(full.map((dim) => (isBatch(dim) ? 1 : dim)));
  const repeated = node.inputs.map((name) => builder.op('Expand', [name, target]));
  return writerOf(builder).op('Pow', repeated);
};

/** The sum of the inputs by their number. */
export const mean = formOf(({ add, op }, { inputs }) => op('Div', [inputs.reduce(add), inputs.length]));

/** (x - mean) / (deviation + 1e-9), https://onnx.ai/onnx/operators/onnx__MeanVarianceNormalization.html. */
export const meanVarianceNormalization = formOf(({ builder, op, add, sub, mul }, node, x) => {
  const axes = builder.ints(intsOf(node, 'axes') ?? [0, 2, 3]);
  const centred = sub(x, builder.op('ReduceMean', [x, axes]));
  const variance = builder.op('ReduceMean', [mul(centred, centred), axes]);
  return op('Div', [centred, add(op('Sqrt', [variance]), 1e-9)]);
});

/** One added to the other. */
export const sum = formOf(({ add }, { inputs }) => inputs.reduce(add));

/** Zeros of the shape of a value: what is larger than itself is nothing, not even NaN. */
export const zeros: Rule = (node, builder) => {
  const like = shapeOf(node, builder);
  if (like === undefined || fillOf(node) !== 0) return undefined;
  return writerOf(builder).op('Where', [builder.op('Greater', [like, like]), like, 0]);
};

/** The float32 value of whose shape a ConstantOfShape is. */
export function shapeOf(node: Node, builder: GraphBuilder): string | undefined {
  const source = builder.nodes.findLast(({ outputs }) => outputs.includes(node.inputs[0]!));
  const value = source?.op === 'Shape' && Object.keys(source.attributes).length === 0 ? source.inputs[0] : undefined;
  return value !== undefined && builder.type(value) === 'float32' ? value : undefined;
}

function fillOf({ attributes }: Node): number | undefined {
  const { value } = attributes;
  if (value === undefined) return 0;
  return value.kind === 'tensor' && value.value.type === 'float32' ? toNumbers(value.value)[0] : undefined;
}

/** [1, ..., length, ..., 1] */
function placed(length: number, axis: number, rank: number): number[] {
  return Array.from({ length: rank }, (_, at) => (at === axis ? length : 1));
}
