import { type GradientTable, perInput } from './rule.ts';
import { softmax } from './rules/reduction.ts';
import { GRADIENT_RULES } from './table.ts';

/**
 * The table with Hardmax differentiated as if it were Softmax (straight-through estimator, arXiv:1308.3432): for graphs
 * that choose a class and are to be attacked all the same.
 */
export const STRAIGHT_THROUGH: GradientTable = {
  ...GRADIENT_RULES,
  Hardmax: perInput((site) => softmax({ ...site, y: site.builder.op('Softmax', [site.x], site.node.attributes) })),
};
