import { GraphError } from '../../contracts/errors.ts';
import { type Dim, describeNode, formatDims, isBatch, type Node } from '../graph.ts';
import { CONVOLUTION_RULES } from './convolution.ts';
import { CREATION_RULES } from './creation.ts';
import { ELEMENTWISE_RULES } from './elementwise.ts';
import { withValues } from './evaluate.ts';
import { INDEXING_RULES } from './indexing.ts';
import { LINEAR_RULES } from './linear.ts';
import { MOVEMENT_RULES } from './movement.ts';
import { NORMALIZATION_RULES } from './normalization.ts';
import { POOLING_RULES } from './pooling.ts';
import { REDUCTION_RULES } from './reduction.ts';
import { RESHAPE_RULES } from './reshape.ts';
import { RESIZE_RULES } from './resize.ts';
import type { RuleTable, TypedShape } from './rule.ts';

/** One rule per op of the canonical opset; op families live in files of their own beside this one. */
export const SHAPE_RULES: RuleTable = {
  ...ELEMENTWISE_RULES,
  ...CONVOLUTION_RULES,
  ...POOLING_RULES,
  ...LINEAR_RULES,
  ...REDUCTION_RULES,
  ...NORMALIZATION_RULES,
  ...RESHAPE_RULES,
  ...MOVEMENT_RULES,
  ...RESIZE_RULES,
  ...INDEXING_RULES,
  ...CREATION_RULES,
};

/** Types and shapes of a node's outputs. Throws GraphError naming op and node where the op is unknown or inputs do not fit. */
export function inferNode(node: Node, inputs: readonly (TypedShape | undefined)[]): readonly TypedShape[] {
  const rule = node.domain === '' ? SHAPE_RULES[node.op] : undefined;
  if (rule === undefined) throw new GraphError(`no shape rule for ${describeNode(node)}`);
  const outputs = rule(node, inputs);
  for (const { dims } of outputs) {
    if (!dims.every(isPossible)) throw new GraphError(`${describeNode(node)} would give shape ${formatDims(dims)}`);
  }
  return withValues(node, inputs, outputs);
}

function isPossible(dim: Dim): boolean {
  const count = isBatch(dim) ? dim.batch : dim;
  return Number.isSafeInteger(count) && count >= 0;
}
