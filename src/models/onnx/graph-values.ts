import type { Tensor } from '../../numeric/tensor.ts';
import { GraphBuilder } from '../../onnx/builder.ts';
import type { Dim, Graph, Node } from '../../onnx/graph.ts';

/** A graph with what is asked of its values: who gives one, who reads it, what is known of it. */
export interface GraphValues {
  readonly graph: Graph;
  /** The node that gives the value; undefined for inputs and weights. */
  producer(name: string): Node | undefined;
  readers(name: string): readonly Node[];
  dims(name: string): readonly Dim[];
  /** The value itself, where it depends on no input. */
  constant(name: string): Tensor | undefined;
}

export function graphValues(graph: Graph): GraphValues {
  const builder = GraphBuilder.from(graph);
  const producers = new Map<string, Node>();
  const readers = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    for (const name of node.outputs) if (name !== '') producers.set(name, node);
    for (const name of new Set(node.inputs)) readers.set(name, [...(readers.get(name) ?? []), node]);
  }
  return {
    graph,
    producer: (name) => producers.get(name),
    readers: (name) => readers.get(name) ?? [],
    dims: (name) => builder.shape(name),
    constant: (name) => (name === '' ? undefined : builder.constantOf(name)),
  };
}
