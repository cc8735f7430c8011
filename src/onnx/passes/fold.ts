import { sizeOf } from '../../tensor/tensor.ts';
import type { Graph, Node } from '../graph.ts';
import { numbersIn } from '../shapes/dims.ts';
import { evaluated } from '../shapes/evaluate.ts';
import { inferNode } from '../shapes/infer.ts';
import type { TypedShape } from '../shapes/rule.ts';
import { BatchArithmetic } from './batch-arithmetic.ts';
import { KNOWN_SHAPES } from './known-shapes.ts';
import { rewrite } from './rewrite.ts';

/** Elements a folded constant may have: those of a 4096 x 4096 weight, and a bound on what a hostile file can ask for. */
const LARGEST = 2 ** 24;

/**
 * Constant sub-graphs become initializers. The arithmetic that exports do on shapes becomes a constant where the op that
 * reads it can do without the batch size, and elsewhere the shortest way there from the shape of the graph's input.
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
    const known = KNOWN_SHAPES[node.op]?.(node, output.dims, builder) ?? node;
    return arithmetic.shortened(known, builder);
  });
}

/** Identity and Dropout only pass a value on: `simplify` lets their readers share it. */
function foldable(node: Node, output: TypedShape): boolean {
  const dims = numbersIn(output.dims);
  return dims !== undefined && sizeOf(dims) <= LARGEST && node.op !== 'Identity' && node.op !== 'Dropout';
}
