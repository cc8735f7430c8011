import { GraphBuilder } from './builder.ts';
import type { Graph, Model, Node } from './graph.ts';

/** Cutting graphs apart at a value and copying parts of them. */

/** Names of the values that depend on `sources`, the sources among them. */
function dependents(graph: Graph, sources: Iterable<string>): Set<string> {
  const reached = new Set(sources);
  for (const { inputs, outputs } of graph.nodes) {
    if (inputs.some((name) => reached.has(name))) for (const name of outputs) reached.add(name);
  }
  return reached;
}

/** The nodes that compute `outputs` from the values in `given`, in order. */
export function nodesBetween(graph: Graph, given: ReadonlySet<string>, outputs: readonly string[]): Node[] {
  const needed = new Set(outputs.filter((name) => !given.has(name)));
  const nodes = [...graph.nodes].reverse().filter((node) => {
    if (!node.outputs.some((name) => needed.has(name))) return false;
    for (const name of node.inputs) if (!given.has(name)) needed.add(name);
    return true;
  });
  return nodes.reverse();
}

/**
 * Appends a second copy of everything in `graph` that depends on the keys of `substitutes`, computed from the substitutes
 * instead; what does not depend on them (weights, the trunk) is shared with the first. Returns the copy of `output`.
 */
export function appendCopy(
  builder: GraphBuilder,
  graph: Graph,
  substitutes: ReadonlyMap<string, string>,
  output: string,
): string {
  const affected = dependents(graph, substitutes.keys());
  const renamed = new Map(substitutes);
  const rename = (name: string) => renamed.get(name) ?? name;
  for (const node of nodesBetween(graph, new Set(substitutes.keys()), [output])) {
    if (!node.outputs.some((name) => affected.has(name))) continue;
    for (const name of node.outputs) if (name !== '') renamed.set(name, builder.fresh(name));
    builder.append({ ...node, name: '', inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) });
  }
  return rename(output);
}

/** The part of a model that computes `outputs` from the values `inputs`, as a model of its own. */
export function subgraph(model: Model, inputs: readonly string[], outputs: readonly string[]): Model {
  const whole = GraphBuilder.from(model.graph);
  const part = new GraphBuilder();
  for (const name of inputs) part.input(name, whole.shape(name), whole.type(name));
  for (const [name, tensor] of model.graph.initializers) part.initializer(name, tensor);
  for (const node of nodesBetween(model.graph, new Set(inputs), outputs)) part.append(node);
  return part.build(outputs, model.graph.name);
}

/**
 * What the part of the graph behind `value` reads besides it and the weights: values that depend on the graph's inputs but
 * not on `value`, such as a shortcut around it.
 */
export function sideInputs(graph: Graph, value: string, output: string): string[] {
  const behind = dependents(graph, [value]);
  const live = dependents(
    graph,
    graph.inputs.map(({ name }) => name),
  );
  const tail = nodesBetween(graph, new Set([value]), [output]).filter(({ outputs }) =>
    outputs.some((name) => behind.has(name)),
  );
  const read = new Set(tail.flatMap(({ inputs }) => inputs));
  return [...read].filter((name) => live.has(name) && !behind.has(name));
}
