import { sizeOf, toNumbers } from '../../tensor/tensor.ts';
import type { GraphBuilder } from '../builder.ts';
import { type Graph, isBatch, type Node } from '../graph.ts';
import { numbersIn } from '../shapes/dims.ts';
import { evaluated } from '../shapes/evaluate.ts';
import { inferNode, type TypedShape } from '../shapes/infer.ts';
import { BatchArithmetic } from './batch-arithmetic.ts';
import { rewrite, withInput } from './rewrite.ts';

/** Elements a folded constant may have: those of a 4096 x 4096 weight, and a bound on what a hostile file can ask for. */
const LARGEST = 2 ** 24;

/**
 * Constant sub-graphs become initializers. The arithmetic that exports do on shapes becomes a constant with the batch as -1
 * where Reshape reads it, and elsewhere (Expand knows no -1) the shortest way there from the shape of the graph's input.
 */
export function fold(graph: Graph): Graph {
  const arithmetic = new BatchArithmetic(graph);
  return rewrite(graph, (node, builder) => {
    const values = node.inputs.map((name) => (name === '' ? undefined : builder.value(name)));
    const [output] = inferNode(node, values);
    if (output === undefined) return undefined;
    const constant = foldable(node, output) ? evaluated(node, values, output).constant : undefined;
    if (constant) return builder.initializer(node.outputs[0]!, constant);
    if (output.symbolic) return arithmetic.kept(node, builder);
    return node.op === 'Reshape' ? withKnownShape(node, output, builder) : arithmetic.shortened(node, builder);
  });
}

/** Identity and Dropout only pass a value on: `simplify` lets their readers share it. */
function foldable(node: Node, output: TypedShape): boolean {
  const dims = numbersIn(output.dims);
  return dims !== undefined && sizeOf(dims) <= LARGEST && node.op !== 'Identity' && node.op !== 'Dropout';
}

/** Every dimension written out, the batch as the one that is left. A dimension of zero would mean "as it was". */
function withKnownShape(node: Node, output: TypedShape, builder: GraphBuilder): Node {
  const shape = output.dims.map((dim) => (isBatch(dim) ? -1 : dim));
  const current = builder.constantOf(node.inputs[1]!);
  if (shape.includes(0) || (current && toNumbers(current).join() === shape.join())) return node;
  return withInput(node, 1, builder.ints(shape));
}
