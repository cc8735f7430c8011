import { GraphBuilder } from '../builder.ts';
import type { Graph, Node } from '../graph.ts';
import { knownDims } from '../shapes/infer.ts';

/**
 * What a pass does with a node, its inputs already rewritten: nothing (it stays), another node in its place, or the name
 * of the value that stands in for its first output. A rule may append nodes of its own to the builder first.
 */
export type Rule = (node: Node, builder: GraphBuilder) => Node | string | undefined;

/**
 * Rebuilds a graph node by node, with what becomes unused left out; the names of its inputs and outputs stay. Shapes are
 * inferred anew as the nodes are added, so a rule can ask the builder for those of its inputs.
 */
export function rewrite(graph: Graph, rule: Rule): Graph {
  const builder = startOf(graph);
  const stands = new Map<string, string>();
  const resolve = (name: string) => stands.get(name) ?? name;
  for (const original of graph.nodes) {
    const node = { ...original, inputs: original.inputs.map(resolve) };
    const result = rule(node, builder);
    if (typeof result === 'string') stands.set(node.outputs[0]!, result);
    else builder.append(result ?? node);
  }
  const wanted = graph.outputs.map(({ name }) => name);
  const built = builder.build(wanted.map(resolve), graph.name).graph;
  return withOutputNames(built, wanted);
}

/** A builder with the inputs and weights of a graph and none of its nodes; their names are taken all the same. */
function startOf(graph: Graph): GraphBuilder {
  const builder = new GraphBuilder();
  builder.reserve(graph.nodes.flatMap(({ outputs }) => outputs));
  for (const input of graph.inputs) builder.input(input.name, knownDims(input), input.type);
  for (const [name, tensor] of graph.initializers) builder.initializer(name, tensor);
  return builder;
}

/** Gives the outputs their wanted names back: what computes one is renamed, or passed on where it has to keep its name. */
function withOutputNames(graph: Graph, wanted: readonly string[]): Graph {
  const computed = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  const names = new Map<string, string>();
  const passedOn: Node[] = [];
  graph.outputs.forEach(({ name }, index) => {
    const output = wanted[index]!;
    if (name === output) return;
    if (computed.has(name) && !names.has(name) && !wanted.includes(name)) names.set(name, output);
    else passedOn.push(identity(names.get(name) ?? name, output));
  });
  const rename = (name: string) => names.get(name) ?? name;
  const renamed = graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
  }));
  return {
    ...graph,
    nodes: [...renamed, ...passedOn],
    outputs: graph.outputs.map((output, index) => ({ ...output, name: wanted[index]! })),
  };
}

function identity(input: string, output: string): Node {
  return { op: 'Identity', domain: '', name: output, inputs: [input], outputs: [output], attributes: {} };
}

/** How often each value is read, by nodes or as an output of the graph. */
export function readerCounts(graph: Graph): Map<string, number> {
  const counts = new Map<string, number>();
  const read = (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const { inputs } of graph.nodes) inputs.forEach(read);
  for (const { name } of graph.outputs) read(name);
  return counts;
}

/** The node with some attributes taken away. */
export function withoutAttributes(node: Node, ...keys: readonly string[]): Node {
  return {
    ...node,
    attributes: Object.fromEntries(Object.entries(node.attributes).filter(([key]) => !keys.includes(key))),
  };
}

/** The node with input `index` set; inputs before it that are not there are left out. */
export function withInput(node: Node, index: number, name: string): Node {
  const inputs = Array.from({ length: Math.max(node.inputs.length, index + 1) }, (_, at) => node.inputs[at] ?? '');
  return { ...node, inputs: inputs.with(index, name) };
}
