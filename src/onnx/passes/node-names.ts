import type { Graph, Node } from '../graph.ts';

/**
 * The graph with a name for each node that has one. Names are for a reader and ONNX lets nodes share them, as several exporters
 * do; onnxruntime loads no such graph. The first keeps its name, the others get numbers.
 */
export function withOwnNames(graph: Graph): Graph {
  const names = new Set(graph.nodes.map(({ name }) => name));
  if (names.size === graph.nodes.length) return graph;
  const used = new Set<string>();
  const own = (name: string) => {
    let numbered = name;
    for (let count = 2; used.has(numbered) || (numbered !== name && names.has(numbered)); count++)
      numbered = `${name}_${count}`;
    used.add(numbered);
    return numbered;
  };
  return { ...graph, nodes: graph.nodes.map((node) => (node.name === '' ? node : { ...node, name: own(node.name) })) };
}

/** Ops all of whose outputs are required: with one that has no name onnxruntime 1.30 ends the process (Split, measured). */
const WHOLE: ReadonlySet<string> = new Set(['Split', 'TopK']);

/** The graph with a name for each output that its op has to have; those that nobody reads may come without. */
export function withAllOutputs(graph: Graph): Graph {
  if (!graph.nodes.some(isPartial)) return graph;
  const used = new Set([...graph.initializers.keys(), ...graph.inputs.map(({ name }) => name)]);
  for (const { outputs } of graph.nodes) for (const name of outputs) used.add(name);
  const fresh = () => {
    let count = 0;
    while (used.has(`unread_${count}`)) count++;
    used.add(`unread_${count}`);
    return `unread_${count}`;
  };
  const whole = (node: Node) => ({ ...node, outputs: node.outputs.map((name) => (name === '' ? fresh() : name)) });
  return { ...graph, nodes: graph.nodes.map((node) => (isPartial(node) ? whole(node) : node)) };
}

function isPartial({ op, outputs }: Node): boolean {
  return WHOLE.has(op) && outputs.includes('');
}
