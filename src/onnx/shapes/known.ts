import type { ElementType } from '../../tensor/tensor.ts';
import type { Dim, Node } from '../graph.ts';

/** A value known before anything runs; an entry is a number or a multiple of the batch. */
export interface Known {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly entries: ArrayLike<Dim>;
}

/** The entries of the first output, which has type and dims `output`; an entry of undefined: it cannot be said. */
export type Evaluator = (
  node: Node,
  inputs: readonly (Known | undefined)[],
  output: Omit<Known, 'entries'>,
) => ArrayLike<Dim | undefined> | undefined;
