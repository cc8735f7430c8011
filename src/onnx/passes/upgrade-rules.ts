import { float, type GraphBuilder } from '../builder.ts';
import { ELEMENT_CODES } from '../element-types.ts';
import { floatOf, formatDims, intOf, intsOf, type Node, stringOf } from '../graph.ts';
import { axisOf, fail, isFixed, staticDims } from '../shapes/operands.ts';
import { isDilated, windowsOf } from '../shapes/windows.ts';
import { withInput, withoutAttributes } from './rewrite.ts';

/** Rules for ops whose attributes became inputs. */

/** Where "to the end" is written INT64_MAX, a number would lose its last digits; as many zeros as a double keeps do. */
function exact(bounds: readonly number[]): number[] {
  return bounds.map((bound) => Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, bound)));
}

/** Squeeze and Unsqueeze 13, the reductions 13 and 18. */
export function axesToInput(node: Node, builder: GraphBuilder): Node {
  const axes = intsOf(node, 'axes');
  const bare = withoutAttributes(node, 'axes');
  return axes === undefined ? bare : withInput(bare, 1, builder.ints(axes));
}

/** Split 13 has sizes as an input, Split 18 says into how many where it has none. */
export function splitInputs(node: Node, builder: GraphBuilder): Node {
  const sizes = intsOf(node, 'split');
  const bare = withoutAttributes(node, 'split');
  if (sizes !== undefined) return withInput(bare, 1, builder.ints(sizes));
  if (node.inputs[1]) return bare;
  const num_outputs = { kind: 'int', value: node.outputs.length } as const;
  return { ...bare, attributes: { ...bare.attributes, num_outputs } };
}

/** Slice 10. */
export function sliceInputs(node: Node, builder: GraphBuilder): Node {
  const starts = intsOf(node, 'starts') ?? fail(node, 'attribute "starts" is missing');
  const ends = intsOf(node, 'ends') ?? fail(node, 'attribute "ends" is missing');
  const axes = intsOf(node, 'axes') ?? [...starts.keys()];
  const inputs = [node.inputs[0] ?? '', ...[exact(starts), exact(ends), axes].map((bounds) => builder.ints(bounds))];
  return { ...withoutAttributes(node, 'starts', 'ends', 'axes'), inputs };
}

/** Pad 11. */
export function padInputs(node: Node, builder: GraphBuilder): Node {
  const pads = intsOf(node, 'pads') ?? fail(node, 'attribute "pads" is missing');
  const padded = withInput(withoutAttributes(node, 'pads', 'value'), 1, builder.ints(pads));
  const value = floatOf(node, 'value', 0);
  return value === 0 ? padded : withInput(padded, 2, builder.constant(value));
}

/** Clip 11. */
export function clipBounds(node: Node, builder: GraphBuilder): Node {
  return ['min', 'max'].reduce(
    (clip, key, index) => {
      const bound = node.attributes[key];
      return bound?.kind === 'float' ? withInput(clip, index + 1, builder.constant(bound.value)) : clip;
    },
    withoutAttributes(node, 'min', 'max'),
  );
}

/** TopK 10. */
export function topKInput(node: Node, builder: GraphBuilder): Node {
  return withInput(withoutAttributes(node, 'k'), 1, builder.ints([intOf(node, 'k', 1)]));
}

/** CastLike as the Cast it is. */
export function castTo(node: Node, builder: GraphBuilder): Node {
  const [input = '', like = ''] = node.inputs;
  const to = { kind: 'int', value: ELEMENT_CODES[builder.type(like)] } as const;
  return { ...node, op: 'Cast', inputs: [input], attributes: { to } };
}

/** What SAME comes to where a Conv is dilated, which onnxruntime does not load. */
export function convPads(node: Node, builder: GraphBuilder): Node {
  if (!isDilated(node) || !stringOf(node, 'auto_pad', '').startsWith('SAME')) return node;
  const [spatial, kernel] = [0, 1].map((index) =>
    staticDims(node, builder.shape(node.inputs[index] ?? '').slice(2), 'spatial sizes'),
  );
  const { padsBegin, padsEnd } = windowsOf(node, spatial!, kernel!);
  const pads = { kind: 'ints', value: [...padsBegin, ...padsEnd] } as const;
  const bare = withoutAttributes(node, 'auto_pad');
  return { ...bare, attributes: { ...bare.attributes, pads } };
}

/** Rules for layers that changed their meaning, not only their form. */

/** PyTorch has no CELU of alpha 0 either, since it divides by it. */
export function celuOfSomeAlpha(node: Node): undefined {
  if (floatOf(node, 'alpha', 1) === 0) fail(node, 'alpha 0 divides by zero: a Relu is what it tends to');
}

/** Before 12 the ratio was an attribute; it means nothing at inference. */
export function dropoutAtInference(node: Node): Node {
  return withoutAttributes(node, 'ratio');
}

/**
 * Before 14 training mode was not an attribute: a node with the statistics as further outputs was in it. There the statistics
 * are those of the input: over weights that is weight standardisation (BiT, NFNet), and over images it stays, to be refused.
 */
export function batchNormalization(original: Node, builder: GraphBuilder, opset: number): Node {
  const node = perChannel(original);
  const [output = '', ...statistics] = node.outputs;
  const training = opset < 14 ? statistics.some((name) => name !== '') : intOf(node, 'training_mode', 0) === 1;
  const inMode = withMode({ ...node, outputs: training ? node.outputs : [output] }, training);
  return training && isFixed(builder.value(node.inputs[0] ?? '')) ? standardisedByChannel(inMode, builder) : inMode;
}

/** Before 9 `spatial` told whether statistics are of a channel (1, the default) or of every pixel of one; some leave it there. */
function perChannel(node: Node): Node {
  if (intOf(node, 'spatial', 1) !== 1) {
    fail(node, 'its statistics are of single pixels (spatial 0), which opset 9 has no longer: write it as Mul and Add');
  }
  return withoutAttributes(node, 'spatial');
}

function withMode(node: Node, training: boolean): Node {
  const attributes = { ...node.attributes, training_mode: { kind: 'int', value: 1 } } as const;
  return training ? { ...node, attributes } : withoutAttributes(node, 'training_mode');
}

/** scale (x - mean) / sqrt(variance + epsilon) + bias, statistics over all axes but that of the channels. */
function standardisedByChannel(node: Node, builder: GraphBuilder): Node {
  const [input = '', scale = '', bias = ''] = node.inputs;
  const others = [...builder.shape(input).keys()].filter((axis) => axis !== 1);
  const mean = (value: string) => builder.op('ReduceMean', [value, builder.ints(others)]);
  const column = (vector: string) => builder.reshape(vector, [-1, ...others.slice(1).map(() => 1)]);
  const centred = builder.op('Sub', [input, mean(input)]);
  const variance = mean(builder.op('Mul', [centred, centred]));
  const epsilon = builder.constant(floatOf(node, 'epsilon', 1e-5));
  const deviation = builder.op('Sqrt', [builder.op('Add', [variance, epsilon])]);
  const scaled = builder.op('Mul', [builder.op('Div', [centred, deviation]), column(scale)]);
  return { ...node, op: 'Add', inputs: [scaled, column(bias)], outputs: node.outputs.slice(0, 1), attributes: {} };
}

/**
 * Before 13 Softmax and its kin saw a matrix, all dimensions from `axis` (1 by default) on being its columns. That is what
 * they do along one axis where it is the last.
 */
export function coercedSoftmax(node: Node, builder: GraphBuilder): Node {
  const input = node.inputs[0] ?? '';
  const dims = builder.shape(input);
  const axis = axisOf(node, intOf(node, 'axis', 1), dims.length);
  const alongLast = { ...node, attributes: { axis: { kind: 'int', value: -1 } } } as const;
  if (axis === dims.length - 1) return alongLast;
  const matrix = builder.op('Flatten', [input], { axis });
  const columns = builder.op(node.op, [matrix], { axis: -1 });
  return { ...node, op: 'Reshape', inputs: [columns, shapeFor(builder, input)], attributes: {} };
}

/**
 * Upsample 9 and Resize 10 took scales as their second input and mapped pixel x to x / scale, rounding down as exporters
 * mean it. (onnxruntime's Resize 10 rounds up where it shrinks; for whole factors that is the same.)
 */
export function resizeFromScales(node: Node): Node {
  const mode = stringOf(node, 'mode', 'nearest');
  return {
    ...node,
    op: 'Resize',
    inputs: [node.inputs[0] ?? '', '', node.inputs[1] ?? fail(node, 'input 1 (scales) is missing')],
    attributes: {
      mode: { kind: 'string', value: mode === 'bilinear' ? 'linear' : mode },
      coordinate_transformation_mode: { kind: 'string', value: 'asymmetric' },
      nearest_mode: { kind: 'string', value: 'floor' },
    },
  };
}

/**
 * GroupNormalization as an InstanceNormalization of the groups. Opset 18 scales each group, which is what that op does;
 * opset 21 scales each channel. https://onnx.ai/onnx/operators/onnx__GroupNormalization.html
 */
export function groupNormalization(node: Node, builder: GraphBuilder, opset: number): Node {
  const [input = '', scale = '', bias = ''] = node.inputs;
  const dims = builder.shape(input);
  const groups = intOf(node, 'num_groups', 0);
  const channels = dims[1];
  if (typeof channels !== 'number' || groups < 1 || channels % groups !== 0) {
    fail(node, `${groups} groups do not divide the channels of input ${formatDims(dims)}`);
  }
  const perChannel = opset >= 21;
  const neutral = (value: number) => builder.constant(Array<number>(groups).fill(value));
  const grouped = builder.op('Reshape', [input, builder.ints([0, groups, -1])]);
  const normal = builder.op(
    'InstanceNormalization',
    [grouped, ...(perChannel ? [neutral(1), neutral(0)] : [scale, bias])],
    { epsilon: float(floatOf(node, 'epsilon', 1e-5)) },
  );
  const restored = { ...node, op: 'Reshape', inputs: [normal, shapeFor(builder, input)], attributes: {} };
  if (!perChannel) return restored;
  const column = builder.ints([channels, ...dims.slice(2).map(() => 1)]);
  const shaped = builder.op('Reshape', restored.inputs);
  const scaled = builder.op('Mul', [shaped, builder.op('Reshape', [scale, column])]);
  return { ...node, op: 'Add', inputs: [scaled, builder.op('Reshape', [bias, column])], attributes: {} };
}

/** A shape vector for the dimensions of `value`, the batch as what is left. */
function shapeFor(builder: GraphBuilder, value: string): string {
  return builder.ints(builder.shape(value).map((dim) => (typeof dim === 'number' ? dim : -1)));
}
