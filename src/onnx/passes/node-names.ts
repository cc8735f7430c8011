import type { Graph } from '../graph.ts';

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
