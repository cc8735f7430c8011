import { toNumbers } from '../../../numeric/tensor.ts';
import { floatOf, stringOf } from '../../graph.ts';
import { type GradientTable, type InputRule, perInput, type RuleSite } from '../rule.ts';
import { sumLike } from '../shape-helpers.ts';

/**
 * Activations: dx = dy * f'(x), written on the output y where that is possible, since a convolution whose result nobody
 * else reads is fused with its activation. At kinks f' is what PyTorch takes: relu'(0) = 0, and clip has slope 1 on its bounds.
 * Where PyTorch selects (relu, threshold, clamp, hardsigmoid, hardswish) f' = 0 lets no infinity through: `masked`.
 */

/** max(0, x). */
const relu: InputRule = ({ masked, positive, y, dy }) => masked(dy, positive(y));

/** x > 0 ? x : slope * x; for slopes below zero y > 0 does not tell the sign of x. */
const leakyRelu: InputRule = ({ mul, step, node, x, y, dy }) => {
  const slope = floatOf(node, 'alpha', 0.01);
  return mul(dy, step(slope < 0 ? x : y, slope, 1));
};

/** x > 0 ? x : slope * x, where the slope is an input. */
const prelu: readonly InputRule[] = [
  ({ add, sub, mul, positive, inputs, x, dy }) => {
    const slope = inputs[1]!;
    return mul(dy, add(slope, mul(positive(x), sub(1, slope))));
  },
  ({ builder, mul, min, inputs, x, dy }) => sumLike(builder, mul(dy, min(inputs[0]!, 0)), x),
];

/**
 * x > 0 ? x : alpha (e^x - 1): below zero the slope is y + alpha. For an alpha below zero y > 0 does not tell the sign of x, and
 * the slope is read from x; at 0 it is alpha, as in PyTorch.
 */
const elu: InputRule = (site) => {
  const alpha = floatOf(site.node, 'alpha', 1);
  const { add, mul, min, step, y, dy } = site;
  return mul(dy, alpha < 0 ? eluSlope(site, alpha) : add(min(y, 0), step(y, alpha, 1)));
};

/** gamma (x > 0 ? x : alpha (e^x - 1)). */
const selu: InputRule = (site) => {
  const { add, mul, min, step, node, y, dy } = site;
  const gamma = floatOf(node, 'gamma', 1.0507009873554805);
  const alpha = floatOf(node, 'alpha', 1.6732632423543772);
  const turned = alpha < 0 || gamma < 0;
  return mul(dy, turned ? mul(eluSlope(site, alpha), gamma) : add(min(y, 0), step(y, gamma * alpha, gamma)));
};

/** x > 0 ? 1 : alpha e^x, with an exponent that cannot overflow. */
function eluSlope({ mul, exp, min, step, x }: RuleSite, alpha: number): string {
  return mul(exp(min(x, 0)), step(x, alpha, 1));
}

/** x > 0 ? x : alpha (e^(x / alpha) - 1): below zero the slope is y / alpha + 1. */
const celu: InputRule = ({ add, mul, min, node, y, dy }) =>
  mul(dy, add(mul(min(y, 0), 1 / floatOf(node, 'alpha', 1)), 1));

/** x > alpha ? x : 0. */
const thresholdedRelu: InputRule = ({ sub, masked, positive, node, x, dy }) =>
  masked(dy, positive(sub(x, floatOf(node, 'alpha', 1))));

/** x brought nearer to 0 by bias where |x| > lambd, and 0 elsewhere. */
const shrink: InputRule = ({ abs, sub, masked, positive, node, x, dy }) =>
  masked(dy, positive(sub(abs(x), floatOf(node, 'lambd', 0.5))));

/** clip(alpha x + beta, 0, 1), flat on its bounds. */
const hardSigmoid: InputRule = ({ mul, masked, positive, below, node, y, dy }) =>
  masked(mul(dy, floatOf(node, 'alpha', 0.2)), mul(positive(y), below(y, 1)));

/** x h with h = clip(x / 6 + 1/2, 0, 1): h + x / 6 on the ramp, h beside it. */
const hardSwish: InputRule = ({ add, mul, masked, positive, below, hardSigmoid, x, dy }) => {
  const gate = hardSigmoid(x, 1 / 6, 1 / 2);
  const ramp = mul(positive(gate), below(gate, 1));
  return masked(dy, add(gate, mul(mul(x, 1 / 6), ramp)));
};

/** x tanh(s), s = log(1 + e^x): t + x (1 - t^2) sigmoid(x). */
const mish: InputRule = ({ add, sub, mul, square, tanh, softplus, sigmoid, x, dy }) => {
  const t = tanh(softplus(x));
  return mul(dy, add(t, mul(mul(x, sigmoid(x)), sub(1, square(t)))));
};

/** x / (1 + |x|): (1 - |y|)^2. */
const softsign: InputRule = ({ sub, mul, square, abs, y, dy }) => mul(dy, square(sub(1, abs(y))));

/**
 * Slope 1 within the bounds and on them, where y is x. Bounds of 0 and 6 are how ReLU6 is exported, whose slope is 0 on
 * its bounds: read from y, so that the Clip stays fused (MobileNetV2: 10% faster).
 */
const clip: InputRule = (site) => {
  const { builder, mul, masked, same, positive, below, inputs, x, y, dy } = site;
  const [low, high] = [1, 2].map((index) => {
    const bound = inputs[index] ? builder.constantOf(inputs[index]) : undefined;
    return bound && toNumbers(bound)[0];
  });
  return masked(dy, low === 0 && high === 6 ? mul(positive(y), below(y, high)) : same(x, y));
};

const gelu: InputRule = (site) =>
  site.mul(site.dy, stringOf(site.node, 'approximate', 'none') === 'tanh' ? tanhGeluSlope(site) : erfGeluSlope(site));

/** x P(x) with the normal distribution P: P(x) + x p(x), p(x) = exp(-x^2 / 2) / sqrt(2 pi). */
function erfGeluSlope({ add, mul, square, exp, erf, x }: RuleSite): string {
  const distribution = mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5);
  const density = mul(exp(mul(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return add(distribution, mul(x, density));
}

/** x (1 + t) / 2 with t = tanh(u), u = c (x + k x^3): (1 + t) / 2 + x (1 - t^2) u' / 2, u' = c (1 + 3 k x^2). */
function tanhGeluSlope({ add, sub, mul, square, tanh, x }: RuleSite): string {
  const [c, k] = [Math.sqrt(2 / Math.PI), 0.044715];
  const squared = square(x);
  const t = tanh(mul(x, add(mul(squared, c * k), c)));
  const inner = add(mul(squared, 3 * c * k), c);
  const bend = mul(mul(x, inner), sub(1, square(t)));
  return mul(add(add(t, 1), bend), 0.5);
}

export const ACTIVATION_RULES: GradientTable = {
  Relu: perInput(relu),
  LeakyRelu: perInput(leakyRelu),
  PRelu: perInput(...prelu),
  Elu: perInput(elu),
  Selu: perInput(selu),
  Celu: perInput(celu),
  ThresholdedRelu: perInput(thresholdedRelu),
  Shrink: perInput(shrink),
  Softplus: perInput(({ mul, sigmoid, x, dy }) => mul(dy, sigmoid(x))),
  Softsign: perInput(softsign),
  Sigmoid: perInput(({ sub, mul, y, dy }) => mul(dy, mul(y, sub(1, y)))),
  HardSigmoid: perInput(hardSigmoid),
  Tanh: perInput(({ sub, mul, square, y, dy }) => mul(dy, sub(1, square(y)))),
  Gelu: perInput(gelu),
  HardSwish: perInput(hardSwish),
  Mish: perInput(mish),
  Clip: perInput(clip),
};
