import { GraphError } from '../../contracts/errors.ts';
import type { ElementType, Tensor } from '../../tensor/tensor.ts';
import { type Dim, describeNode, type Node } from '../graph.ts';

/** What is known of a value before anything runs. */
export interface TypedShape {
  readonly type: ElementType;
  readonly dims: readonly Dim[];
  /** Its value, where it does not depend on the graph's inputs and is small enough or an initializer. */
  readonly constant?: Tensor | undefined;
  /** A vector or scalar of dimensions (what Shape and arithmetic on it give); entries may be multiples of N. */
  readonly symbolic?: readonly Dim[] | undefined;
}

/** Gives the type and shape of each output of `node` from those of its inputs (undefined: input left out). */
export type ShapeRule = (node: Node, inputs: readonly (TypedShape | undefined)[]) => readonly TypedShape[];

/** One rule per op of the canonical opset; op families live in files of their own beside this one. */
const SHAPE_RULES: Readonly<Record<string, ShapeRule>> = {};

/** Types and shapes of a node's outputs. Throws GraphError naming op and node where the op is unknown or inputs do not fit. */
export function inferNode(node: Node, inputs: readonly (TypedShape | undefined)[]): readonly TypedShape[] {
  const rule = node.domain === '' ? SHAPE_RULES[node.op] : undefined;
  if (rule === undefined) throw new GraphError(`no shape rule for ${describeNode(node)}`);
  return rule(node, inputs);
}
