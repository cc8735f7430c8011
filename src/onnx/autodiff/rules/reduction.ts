import { sizeOf, toNumbers } from '../../../numeric/tensor.ts';
import { ELEMENT_CODES } from '../../element-types.ts';
import { intOf } from '../../graph.ts';
import { numbersIn } from '../../shapes/dims.ts';
import { type GradientTable, type InputRule, perInput, type RuleSite } from '../rule.ts';
import { expandLike, sameDims, sumLike } from '../shape-helpers.ts';

/** Reductions: the gradient of each result goes back to the elements it was made of. */

/** The axes a reduction is over; https://onnx.ai/onnx/operators/onnx__ReduceMean.html (18). */
function reducedAxes({ builder, node, inputs }: RuleSite): number[] {
  const rank = builder.shape(inputs[0]!).length;
  const given = inputs[1] ? toNumbers(builder.constantOf(inputs[1])!) : [];
  if (given.length > 0) return given.map((axis) => (axis < 0 ? axis + rank : axis));
  return intOf(node, 'noop_with_empty_axes', 0) === 1 ? [] : [...Array(rank).keys()];
}

/** A result (y or dy) with the reduced axes back as ones, so that it broadcasts to x. */
function kept(site: RuleSite, value: string): string {
  const { builder, x } = site;
  const axes = reducedAxes(site);
  const dims = builder.shape(x).map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  return sameDims(builder.shape(value), dims) ? value : builder.reshape(value, dims);
}

/** The number of elements behind each result; a value of the graph where the batch is among them. */
function count(site: RuleSite): number | string {
  const { builder, x } = site;
  const axes = reducedAxes(site);
  const sizes = numbersIn(axes.map((axis) => builder.shape(x)[axis]!));
  if (sizes) return sizeOf(sizes);
  const asked = builder.op('Gather', [builder.op('Shape', [x]), builder.ints(axes)]);
  return builder.op('Cast', [builder.op('ReduceProd', [asked], { keepdims: 0 })], { to: ELEMENT_CODES.float32 });
}

const sum: InputRule = (site) => expandLike(site.builder, kept(site, site.dy), site.x);

const mean: InputRule = (site) => expandLike(site.builder, site.div(kept(site, site.dy), count(site)), site.x);

/** Ties share the gradient evenly, as in torch.amax; torch.max(dim), which also gives an index, takes one of them. */
const extreme: InputRule = (site) => {
  const { builder, x, y, dy, same, selected, mul, div } = site;
  const maxima = kept(site, y);
  const winners = same(x, maxima);
  return selected(winners, mul(winners, div(kept(site, dy), sumLike(builder, winners, maxima))));
};

/** sqrt(sum x^2): x / y, and 0 for a vector of zeros. */
const l2: InputRule = (site) => {
  const { x, y, dy, mul, masked, reciprocalOrZero } = site;
  return mul(x, kept(site, masked(dy, reciprocalOrZero(y))));
};

/** log sum e^x: the softmax. */
const logSumExp: InputRule = (site) => {
  const { x, y, dy, mul, sub, exp } = site;
  return mul(exp(sub(x, kept(site, y))), kept(site, dy));
};

/** The sum along the axis of a softmax, kept as a 1. */
function sumAlong({ builder, node }: RuleSite, value: string): string {
  return builder.op('ReduceSum', [value, builder.ints([intOf(node, 'axis', -1)])]);
}

/** y (dy - sum(y dy)). */
export const softmax: InputRule = (site) =>
  site.mul(site.y, site.sub(site.dy, sumAlong(site, site.mul(site.y, site.dy))));

/** dy - softmax(x) sum(dy). */
const logSoftmax: InputRule = (site) => site.sub(site.dy, site.mul(site.exp(site.y), sumAlong(site, site.dy)));

/** Running sums run back: the gradient of an element is the sum over those after it. */
const cumSum: InputRule = ({ builder, node, inputs, dy }) =>
  builder.op('CumSum', [dy, inputs[1]!], {
    exclusive: intOf(node, 'exclusive', 0),
    reverse: 1 - intOf(node, 'reverse', 0),
  });

export const REDUCTION_RULES: GradientTable = {
  ReduceSum: perInput(sum),
  ReduceMean: perInput(mean),
  ReduceMax: perInput(extreme),
  ReduceMin: perInput(extreme),
  ReduceL1: perInput((site) => site.mul(site.sign(site.x), kept(site, site.dy))),
  ReduceL2: perInput(l2),
  ReduceSumSquare: perInput((site) => site.mul(site.x, kept(site, site.mul(site.dy, 2)))),
  ReduceLogSum: perInput((site) => expandLike(site.builder, kept(site, site.div(site.dy, site.exp(site.y))), site.x)),
  ReduceLogSumExp: perInput(logSumExp),
  Softmax: perInput(softmax),
  LogSoftmax: perInput(logSoftmax),
  CumSum: perInput(cumSum),
};
