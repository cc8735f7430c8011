import { toNumbers } from '../../numeric/tensor.ts';
import type { GraphBuilder } from '../builder.ts';
import { type Graph, intsOf, type Node, sameDim } from '../graph.ts';
import { inferNode } from '../shapes/infer.ts';
import type { TypedShape } from '../shapes/operands.ts';
import { readerCounts, rewrite } from './rewrite.ts';

/** Drops the nodes that change nothing; what read their output reads their input. */
export function simplify(graph: Graph): Graph {
  const readers = readerCounts(graph);
  const producers = new Map<string, Node>();
  return rewrite(graph, (node, builder) => {
    if (node.outputs.slice(1).some((name) => readers.has(name))) return undefined;
    const simpler = node.op === 'Transpose' ? merged(node, producers, builder) : node;
    for (const name of node.outputs) producers.set(name, simpler);
    if (NEEDLESS[node.op]?.(simpler, builder)) return simpler.inputs[0];
    return simpler;
  });
}

/** By op, whether a node gives what it takes. */
const NEEDLESS: Readonly<Record<string, (node: Node, builder: GraphBuilder) => boolean>> = {
  Identity: () => true,
  Dropout: () => true,
  Cast: (node, builder) => outputOf(node, builder).type === builder.type(node.inputs[0]!),
  Concat: (node) => node.inputs.length === 1,
  Pad: (node, builder) => every(node, builder, 1, 0),
  Transpose: (node) => intsOf(node, 'perm')?.every((axis, index) => axis === index) ?? false,
  Slice: (node, builder) => keepsShape(node, builder) && every(node, builder, 4, 1),
  Reshape: keepsShape,
  Flatten: keepsShape,
  Squeeze: keepsShape,
  Unsqueeze: keepsShape,
  Expand: keepsShape,
  Tile: keepsShape,
};

function keepsShape(node: Node, builder: GraphBuilder): boolean {
  const [before, after] = [builder.shape(node.inputs[0]!), outputOf(node, builder).dims];
  return before.length === after.length && before.every((dim, axis) => sameDim(dim, after[axis]!));
}

/** Whether all numbers of input `index`, where it is there, are `number`. */
function every(node: Node, builder: GraphBuilder, index: number, number: number): boolean {
  const name = node.inputs[index];
  if (!name) return true;
  const constant = builder.constantOf(name);
  return constant !== undefined && toNumbers(constant).every((value) => value === number);
}

/** Two Transposes on end as one. */
function merged(node: Node, producers: ReadonlyMap<string, Node>, builder: GraphBuilder): Node {
  const first = producers.get(node.inputs[0]!);
  if (first?.op !== 'Transpose') return node;
  const [inner, outer] = [orderOf(first, builder), orderOf(node, builder)];
  const perm = { kind: 'ints', value: outer.map((axis) => inner[axis]!) } as const;
  return { ...node, inputs: first.inputs, attributes: { perm } };
}

function orderOf(node: Node, builder: GraphBuilder): readonly number[] {
  return intsOf(node, 'perm') ?? [...builder.shape(node.inputs[0]!).keys()].reverse();
}

function outputOf(node: Node, builder: GraphBuilder): TypedShape {
  const inputs = node.inputs.map((name) => (name === '' ? undefined : builder.value(name)));
  return inferNode(node, inputs)[0]!;
}
