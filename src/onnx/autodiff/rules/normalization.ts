import { float32, sizeOf } from '../../../numeric/tensor.ts';
import { floatOf, intOf, intsOf } from '../../graph.ts';
import { staticDims } from '../../shapes/operands.ts';
import { type GradientTable, type InputRule, perInput, type RuleSite } from '../rule.ts';
import { reshapeLike } from '../shape-helpers.ts';

/** One number per channel, in a shape that broadcasts to the feature maps [N, C, ...] of x. */
function perChannel({ builder, x }: RuleSite, vector: string): string {
  const spatial = builder.shape(x).slice(2);
  return builder.reshape(vector, [builder.shape(vector)[0]!, ...spatial.map(() => 1)]);
}

/** At inference an affine map per channel: dy scale / sqrt(variance + epsilon). */
const batchNormalization: InputRule = (site) => {
  const { add, mul, div, sqrt, node, inputs, dy } = site;
  const deviation = sqrt(add(inputs[4]!, floatOf(node, 'epsilon', 1e-5)));
  return mul(dy, perChannel(site, div(inputs[1]!, deviation)));
};

/**
 * The gradient through z = (x - mean(x)) / deviation(x), statistics over `axes`, where g is that of z:
 * (g - mean(g) - z mean(g z)) / deviation. All normalisations that follow the image are this and an affine map.
 */
function standardized(site: RuleSite, x: string, g: string, axes: readonly number[], epsilon: number): string {
  const { builder, add, sub, mul, div, square, sqrt } = site;
  const mean = (value: string) => builder.op('ReduceMean', [value, builder.ints(axes)]);
  const centred = sub(x, mean(x));
  const scale = div(1, sqrt(add(mean(square(centred)), epsilon)));
  const z = mul(centred, scale);
  return mul(scale, sub(sub(g, mean(g)), mul(z, mean(mul(g, z)))));
}

const layerNormalization: InputRule = (site) => {
  const { builder, mul, node, inputs, x, dy } = site;
  const rank = builder.shape(x).length;
  const axis = intOf(node, 'axis', -1);
  const first = axis < 0 ? axis + rank : axis;
  const axes = [...Array(rank).keys()].slice(first);
  return standardized(site, x, mul(dy, inputs[1]!), axes, floatOf(node, 'epsilon', 1e-5));
};

const instanceNormalization: InputRule = (site) => {
  const { builder, mul, node, inputs, x, dy } = site;
  const axes = [...builder.shape(x).keys()].slice(2);
  return standardized(site, x, mul(dy, perChannel(site, inputs[1]!)), axes, floatOf(node, 'epsilon', 1e-5));
};

/** Statistics over the channels of a group; the scale is one per group in opset 18, one per channel from 21 on. */
const groupNormalization: InputRule = (site) => {
  const { builder, mul, node, inputs, x, dy } = site;
  const [batch, ...rest] = builder.shape(x);
  const groups = intOf(node, 'num_groups', 1);
  const size = sizeOf(staticDims(node, rest, 'feature maps'));
  const grouped = (value: string) => builder.reshape(value, [batch!, groups, size / groups]);
  const scale = inputs[1]!;
  const g =
    builder.shape(scale)[0] === groups
      ? mul(grouped(dy), builder.reshape(scale, [groups, 1]))
      : grouped(mul(dy, perChannel(site, scale)));
  const dx = standardized(site, grouped(x), g, [2], floatOf(node, 'epsilon', 1e-5));
  return reshapeLike(builder, dx, x);
};

/** Centred and divided by deviation + 1e-9, https://onnx.ai/onnx/operators/onnx__MeanVarianceNormalization.html. */
const meanVarianceNormalization: InputRule = (site) =>
  standardized(site, site.x, site.dy, intsOf(site.node, 'axes') ?? [0, 2, 3], 1e-18);

/** x / |x|: (dy - s sum(y dy)) / |x|, with s = y for the 2-norm and sign(x) for the 1-norm. */
const lpNormalization: InputRule = (site) => {
  const { builder, sub, mul, masked, sign, reciprocalOrZero, node, x, y, dy } = site;
  const axes = builder.ints([intOf(node, 'axis', -1)]);
  const isL1 = intOf(node, 'p', 2) === 1;
  const norm = builder.op(isL1 ? 'ReduceL1' : 'ReduceL2', [x, axes]);
  const along = builder.op('ReduceSum', [mul(y, dy), axes]);
  return masked(sub(dy, mul(isL1 ? sign(x) : y, along)), reciprocalOrZero(norm));
};

/**
 * y = x s^-beta with s = bias + alpha / size * (sum of x^2 over the neighbouring channels):
 * dy s^-beta - 2 alpha beta / size x (sum over the neighbouring channels of dy x s^(-beta - 1)).
 */
const localResponseNormalization: InputRule = (site) => {
  const { add, sub, mul, div, pow, square, node, x, dy } = site;
  const rate = floatOf(node, 'alpha', 1e-4) / intOf(node, 'size', 1);
  const beta = floatOf(node, 'beta', 0.75);
  const s = add(mul(overNeighbours(site, square(x)), rate), floatOf(node, 'bias', 1));
  const direct = mul(dy, pow(s, -beta));
  const shared = overNeighbours(site, div(mul(direct, x), s));
  return sub(direct, mul(mul(x, 2 * rate * beta), shared));
};

/** Sums over as many channels on either side, the size being odd: a 1x1 convolution by a band of ones. */
function overNeighbours({ builder, node, x }: RuleSite, value: string): string {
  const [channels, ...spatial] = staticDims(node, builder.shape(x).slice(1), 'feature maps') as [number, ...number[]];
  const reach = (intOf(node, 'size', 1) - 1) / 2;
  const band = Float32Array.from({ length: channels * channels }, (_, at) =>
    Math.abs((at % channels) - Math.floor(at / channels)) <= reach ? 1 : 0,
  );
  const filters = float32([channels, channels, ...spatial.map(() => 1)], band);
  return builder.op('Conv', [value, builder.initializer(builder.fresh('neighbours'), filters)]);
}

export const NORMALIZATION_RULES: GradientTable = {
  BatchNormalization: perInput(batchNormalization),
  LayerNormalization: perInput(layerNormalization),
  InstanceNormalization: perInput(instanceNormalization),
  GroupNormalization: perInput(groupNormalization),
  MeanVarianceNormalization: perInput(meanVarianceNormalization),
  LpNormalization: perInput(lpNormalization),
  LRN: perInput(localResponseNormalization),
};
