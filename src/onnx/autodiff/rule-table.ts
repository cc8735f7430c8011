import { type GradientTable, perInput } from './rule.ts';
import { ACTIVATION_RULES } from './rules/activation.ts';
import { CONVOLUTION_RULES } from './rules/convolution.ts';
import { ELEMENTWISE_RULES } from './rules/elementwise.ts';
import { INDEXING_RULES, SCATTER_RULES } from './rules/indexing.ts';
import { LAYOUT_RULES } from './rules/layout.ts';
import { LINEAR_RULES } from './rules/linear.ts';
import { NORMALIZATION_RULES } from './rules/normalization.ts';
import { POOLING_RULES } from './rules/pooling.ts';
import { REDUCTION_RULES, softmax } from './rules/reduction.ts';
import { RESIZE_RULES } from './rules/resize.ts';

/** One rule per op of the canonical opset; op families live in files of their own under rules/. */
export const GRADIENT_RULES: GradientTable = {
  ...ACTIVATION_RULES,
  ...ELEMENTWISE_RULES,
  ...LINEAR_RULES,
  ...CONVOLUTION_RULES,
  ...POOLING_RULES,
  ...NORMALIZATION_RULES,
  ...REDUCTION_RULES,
  ...LAYOUT_RULES,
  ...RESIZE_RULES,
  ...INDEXING_RULES,
  ...SCATTER_RULES,
};

/**
 * Ops through which no gradient flows: their result is an index, a truth value or a shape, does not depend on values at
 * all, or is constant between jumps. Said here, so that an op that is simply missing is never taken for one of them.
 */
export const NON_DIFFERENTIABLE: ReadonlySet<string> = new Set([
  ...['ArgMax', 'ArgMin', 'Hardmax', 'OneHot', 'NonZero'],
  ...['Sign', 'Floor', 'Ceil', 'Round'],
  ...['Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual', 'IsNaN', 'IsInf', 'Not', 'And', 'Or', 'Xor'],
  ...['Shape', 'Size', 'Constant', 'ConstantOfShape', 'Range', 'EyeLike'],
]);

/** Ops that have a gradient and no rule yet, and why: a model that needs one is refused by name. */
export const UNSUPPORTED: ReadonlyMap<string, string> = new Map([
  ['ReduceProd', 'dy y / x has no value where x is 0; classifiers use it on shapes, which need no gradient'],
]);

/**
 * The table with Hardmax differentiated as if it were Softmax (straight-through estimator, arXiv:1308.3432): for graphs
 * that choose a class and are to be attacked all the same.
 */
export const STRAIGHT_THROUGH: GradientTable = {
  ...GRADIENT_RULES,
  Hardmax: perInput((site) => softmax({ ...site, y: site.builder.op('Softmax', [site.x], site.node.attributes) })),
};
