import { sizeOf } from '../../numeric/tensor.ts';
import type { GraphBuilder } from '../builder.ts';
import { type Dim, type Graph, intOf, isBatch, type Node } from '../graph.ts';
import { numbersIn } from '../shapes/dims.ts';
import { evaluated } from '../shapes/evaluate.ts';
import { inferNode } from '../shapes/infer.ts';
import type { TypedShape } from '../shapes/operands.ts';
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

/**
 * Vectors with the batch size in them, written one way: the first dimension of the graph's input, times a constant, joined
 * with constants. What exports write instead (Shape, Gather, Unsqueeze, Equal, Where, ...) is then unused.
 */
class BatchArithmetic {
  readonly #image: string | undefined;
  /** Names of the vectors written that way, and the name of each by its entries. */
  readonly #short = new Set<string>();
  readonly #names = new Map<string, string>();

  constructor(graph: Graph) {
    this.#image = graph.inputs.find(({ dims }) => dims?.[0] !== undefined && isBatch(dims[0]))?.name;
  }

  /** Takes note of a node of such arithmetic, and leaves it as it is. */
  kept(node: Node, builder: GraphBuilder): undefined {
    if (this.#isShort(node, builder)) this.#short.add(node.outputs[0]!);
  }

  /** The node reading the short form of every vector it reads. */
  shortened(node: Node, builder: GraphBuilder): Node {
    return { ...node, inputs: node.inputs.map((name) => (name === '' ? name : this.#shortForm(name, builder))) };
  }

  #shortForm(name: string, builder: GraphBuilder): string {
    const { type, symbolic, dims } = builder.value(name);
    const image = this.#image;
    if (symbolic === undefined || type !== 'int64' || image === undefined || this.#short.has(name)) return name;
    return this.#once(`${dims.length} ${JSON.stringify(symbolic)}`, () => {
      const size = this.#once('size', () => builder.op('Shape', [image], { start: 0, end: 1 }));
      const vector = joined(symbolic, size, builder);
      return dims.length === 0 ? builder.op('Squeeze', [vector, builder.ints([0])]) : vector;
    });
  }

  /** The name that `write` gives, which is called for the first reader only. */
  #once(key: string, write: () => string): string {
    const name = this.#names.get(key) ?? write();
    this.#names.set(key, name);
    return name;
  }

  #isShort(node: Node, builder: GraphBuilder): boolean {
    if (node.op === 'Shape') {
      return node.inputs[0] === this.#image && intOf(node, 'start', 0) === 0 && intOf(node, 'end', 0) === 1;
    }
    const made = ['Mul', 'Squeeze', 'Concat'].includes(node.op);
    return made && node.inputs.every((name) => this.#short.has(name) || builder.constantOf(name) !== undefined);
  }
}

/** A vector of these entries, `size` being the batch size as a vector of one. */
function joined(entries: readonly Dim[], size: string, builder: GraphBuilder): string {
  const parts = entries.map((entry) => {
    if (!isBatch(entry)) return builder.ints([entry]);
    return entry.batch === 1 ? size : builder.op('Mul', [size, builder.ints([entry.batch])]);
  });
  return parts.length === 1 ? parts[0]! : builder.op('Concat', parts, { axis: 0 });
}
