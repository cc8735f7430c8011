import { type Dim, intOf, intsOf, isBatch, type Node } from '../graph.ts';

/** The axes along which an op combines elements though its output keeps them, for inputs of a rank. */
const ALONG: Readonly<Record<string, (node: Node, rank: number) => readonly number[]>> = {
  Softmax: (node) => [intOf(node, 'axis', -1)],
  LogSoftmax: (node) => [intOf(node, 'axis', -1)],
  Hardmax: (node) => [intOf(node, 'axis', -1)],
  LpNormalization: (node) => [intOf(node, 'axis', -1)],
  LayerNormalization: (node, rank) => from(intOf(node, 'axis', -1), rank),
  InstanceNormalization: (_, rank) => from(2, rank),
  MeanVarianceNormalization: (node) => intsOf(node, 'axes') ?? [0, 2, 3],
  LRN: () => [1],
  /** Its axis is an input; no classifier sums up along one of several, so all are refused. */
  CumSum: (_, rank) => from(0, rank),
};

function from(axis: number, rank: number): number[] {
  const first = axis < 0 ? axis + rank : axis;
  return Array.from({ length: rank - first }, (_, index) => first + index);
}

/** Whether a node makes the images of a batch depend on each other, for a first input of this shape. */
export function mixesBatch(node: Node, dims: readonly Dim[]): boolean {
  const axes = ALONG[node.op]?.(node, dims.length) ?? [];
  return axes.some((axis) => isBatch(dims.at(axis) ?? 1));
}
