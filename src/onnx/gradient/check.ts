import { streamOf } from '../../random/stream.ts';
import type { TypedTensor } from '../../tensor/tensor.ts';
import { GraphBuilder } from '../builder.ts';
import type { Graph, Model, Node } from '../graph.ts';
import { type Comparison, type Evaluate, relativeError, type Values } from './finite-differences.ts';
import type { GradientTable } from './rule.ts';
import { GRADIENT_RULES, NON_DIFFERENTIABLE } from './table.ts';

export type { Evaluate } from './finite-differences.ts';

export interface CheckOptions {
  /** Random directions that are compared; 4 by default. */
  readonly directions?: number;
  /** Relative error that passes; 0.01 by default, as finite differences run over the kinks of ReLUs. */
  readonly tolerance?: number;
  readonly seed?: number;
  readonly rules?: GradientTable;
}

export interface CheckReport {
  readonly ok: boolean;
  readonly maxRelativeError: number;
  /** Where the whole does not pass: the nodes that do not pass alone, worst first. */
  readonly suspects: readonly Suspect[];
}

export interface Suspect {
  readonly op: string;
  readonly node: string;
  readonly maxRelativeError: number;
}

/**
 * Compares the gradient that the rules derive with finite differences of the model itself. Where they disagree, every
 * node is compared alone, at the values it has in the model, and those that disagree are named.
 *
 * @param model of one input x and one output, of any shape
 * @param x where to compare
 */
export async function checkGradient(
  model: Model,
  x: TypedTensor<'float32'>,
  evaluate: Evaluate,
  options: CheckOptions = {},
): Promise<CheckReport> {
  const { directions = 4, tolerance = 0.01, seed = 0, rules = GRADIENT_RULES } = options;
  const comparison = { evaluate, directions, tolerance, rules, random: streamOf(['check-gradient', seed]) };
  const { graph } = model;
  const [input, output] = [graph.inputs[0]!.name, graph.outputs[0]!.name];
  const maxRelativeError = await relativeError({ graph, feeds: { [input]: x }, input, output }, comparison);
  const ok = maxRelativeError <= tolerance;
  return { ok, maxRelativeError, suspects: ok ? [] : await findSuspects(graph, { [input]: x }, comparison) };
}

async function findSuspects(graph: Graph, feeds: Values, comparison: Comparison): Promise<readonly Suspect[]> {
  const builder = GraphBuilder.from(graph);
  const alone = graph.nodes.flatMap((node) => nodeAlone(builder, node) ?? []);
  const needed = new Set(alone.flatMap(({ inputs }) => inputs).filter((name) => feeds[name] === undefined));
  const inner = needed.size > 0 ? await comparison.evaluate(builder.build([...needed]), feeds) : {};
  const values = { ...feeds, ...inner };
  const suspects: Suspect[] = [];
  for (const { node, graph: single, inputs } of alone) {
    const own = Object.fromEntries(inputs.map((name) => [name, values[name]!]));
    for (const input of inputs) {
      const point = { graph: single, feeds: own, input, output: node.outputs[0]! };
      const error = await relativeError(point, comparison);
      if (error > comparison.tolerance) {
        suspects.push({ op: node.op, node: node.name || node.outputs[0]!, maxRelativeError: error });
      }
    }
  }
  return suspects.sort((a, b) => b.maxRelativeError - a.maxRelativeError);
}

/** A graph of one node, its variable inputs as the graph's; undefined for nodes that cannot be compared alone. */
function nodeAlone(builder: GraphBuilder, node: Node): { node: Node; graph: Graph; inputs: string[] } | undefined {
  const names = [...new Set(node.inputs.filter((name) => name !== ''))];
  const inputs = names.filter((name) => builder.constantOf(name) === undefined);
  // What is no float32, as indices and conditions are not, can be neither fed nor compared.
  const isFloat = [...inputs, node.outputs[0]!].every((name) => builder.type(name) === 'float32');
  if (!isFloat || inputs.length === 0 || NON_DIFFERENTIABLE.has(node.op)) return undefined;
  const single = new GraphBuilder();
  for (const name of names) {
    const constant = builder.constantOf(name);
    if (constant === undefined) single.input(name, builder.shape(name));
    else single.initializer(name, constant);
  }
  single.append(node);
  return { node, graph: single.build([node.outputs[0]!]).graph, inputs };
}
