import { GraphError } from '../../errors.ts';
import { GraphBuilder } from '../../onnx/builder.ts';
import { describeNode, type Graph, type Model, type Node } from '../../onnx/graph.ts';
import { appendCopy } from '../../onnx/splice.ts';
import type { BinaryOutput } from '../../schemas/config.ts';
import { appendBinaryLogits, BINARY_NOTES, ONE_OUTPUT } from '../binary.ts';
import { MOVES } from './images.ts';

/** A user's graph with one output, as logits [0, z] of two classes. */

/** A canonical model whose first output is its logits [N, classes], and what a reader should know of that. */
export interface PlainLogits {
  readonly model: Model;
  readonly notes: readonly string[];
}

/** What no logit comes out of. */
const SQUASHING: ReadonlySet<string> = new Set(['Sigmoid', 'HardSigmoid', 'Softmax']);

/** What keeps a probability off 0 and 1, for a logarithm: it is one all the same. */
const KEEPING: ReadonlySet<string> = new Set(['Clip']);
const NONE: ReadonlySet<string> = new Set();

/**
 * Numbers that a probability is kept within, so that its logit is finite: float32 has no number between the upper one and 1, and
 * none that a sigmoid gives at more than -69 is below the lower one.
 */
const LEAST = 1e-30;
const MOST = 1 - 2 ** -24;
/** How far beyond 0 and 1 rounding leads. */
const SLACK = 1e-6;

const CLIPPED =
  'its one output is the probability p of class 1, as stated, and no Sigmoid makes it: logits are [0, log(p) - log(1 - p)], p kept ' +
  'within 1e-30 and 1 - 2^-24, beyond which gradients are zero; export the logit where there is one';

/**
 * The model with logits [0, z] in the place of its first output, which has one number an image: z is that output, or what the
 * Sigmoid that it comes from reads, or else the logit of a probability, NaN where that is none. `given` describes the output in
 * errors. Throws GraphError where nothing is stated, or the graph contradicts it.
 */
export function withBinaryLogits(model: Model, binary: BinaryOutput | undefined, given: string): PlainLogits {
  const { graph } = model;
  const [output, ...others] = graph.outputs.map(({ name }) => name) as [string, ...string[]];
  const source = sourceOf(graph, output);
  const squashing = squashingOf(graph, output);
  requireStated(binary, squashing, given);
  const builder = GraphBuilder.from(graph);
  const { z, note } = binary === 'logit' ? { z: output, note: BINARY_NOTES.logit } : unsquashed(builder, graph, source);
  const logits = appendBinaryLogits(builder, z);
  return { model: { ...model, graph: builder.build([logits, ...others], graph.name).graph }, notes: [note] };
}

/** The node that makes a probability of the output, which may be kept off 0 and 1 behind it. */
function squashingOf(graph: Graph, output: string): Node | undefined {
  const source = sourceOf(graph, output, KEEPING);
  return source !== undefined && SQUASHING.has(source.op) ? source : undefined;
}

function requireStated(binary: BinaryOutput | undefined, squashing: Node | undefined, given: string): void {
  const shown = squashing && `comes from ${describeNode(squashing)}, a probability`;
  if (binary === undefined) throw new GraphError(`${given}, ${ONE_OUTPUT}${shown ? ` (here it ${shown})` : ''}`);
  if (binary === 'logit' && shown)
    throw new GraphError(`${given}, said to be a logit, and ${shown}: say "binary": "probability" (--binary)`);
}

/** Left off, a sigmoid rounds nothing and starves no gradient: where it gives 1, z still differs. */
function unsquashed(builder: GraphBuilder, graph: Graph, source: Node | undefined): { z: string; note: string } {
  const output = graph.outputs[0]!.name;
  if (source?.op !== 'Sigmoid') return { z: appendLogitOf(builder, output), note: CLIPPED };
  const before = new Map([[source.outputs[0]!, source.inputs[0]!]]);
  return { z: appendCopy(builder, graph, before, output), note: BINARY_NOTES.probability };
}

/** log(p) - log(1 - p). */
function appendLogitOf(builder: GraphBuilder, p: string): string {
  const inside = builder.op('Clip', [p, builder.constant(LEAST), builder.constant(MOST)]);
  const rest = builder.op('Sub', [builder.constant(1), inside]);
  const logit = builder.op('Sub', [builder.op('Log', [inside]), builder.op('Log', [rest])]);
  const below = builder.op('Less', [p, builder.constant(-SLACK)]);
  const above = builder.op('Greater', [p, builder.constant(1 + SLACK)]);
  // What is clipped without a word would be another model's answer.
  return builder.op('Where', [builder.op('Or', [below, above]), builder.constant(Number.NaN), logit]);
}

/** The node that makes what the others, up to the value, move about: element by element it could as well be behind them. */
function sourceOf({ nodes }: Graph, value: string, others: ReadonlySet<string> = NONE): Node | undefined {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  let node = producers.get(value);
  const isPassed = ({ op, domain }: Node) => domain === '' && (MOVES.has(op) || others.has(op));
  while (node !== undefined && isPassed(node)) node = producers.get(node.inputs[0] ?? '');
  return node?.domain === '' ? node : undefined;
}
