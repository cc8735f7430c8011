import type { ElementType, Tensor } from '../../tensor/tensor.ts';
import type { Dim, Node } from '../graph.ts';

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

export type RuleTable = Readonly<Record<string, ShapeRule>>;
