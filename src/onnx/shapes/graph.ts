import { GraphError } from '../../contracts/errors.ts';
import { type Dim, formatDims, type Graph, type ValueInfo } from '../graph.ts';
import { inferNode } from './infer.ts';
import type { TypedShape } from './rule.ts';

/** Types and shapes of every value of a graph, by name. Throws GraphError where a node's inputs do not fit its op. */
export function inferGraph(graph: Graph): Map<string, TypedShape> {
  const values = new Map<string, TypedShape>();
  for (const input of graph.inputs) values.set(input.name, { type: input.type, dims: knownDims(input) });
  for (const [name, tensor] of graph.initializers) {
    values.set(name, { type: tensor.type, dims: tensor.dims, constant: tensor });
  }
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => (name === '' ? undefined : valueNamed(values, name)));
    inferNode(node, inputs).forEach((value, index) => {
      const name = node.outputs[index];
      if (name) values.set(name, value);
    });
  }
  for (const { name } of graph.outputs) valueNamed(values, name);
  return values;
}

/** The shape of an input. Throws GraphError where a dimension other than the batch is dynamic. */
export function knownDims({ name, dims }: ValueInfo): readonly Dim[] {
  if (dims === undefined || !dims.every((dim) => dim !== undefined)) {
    throw new GraphError(
      `input "${name}" has shape ${dims ? formatDims(dims) : 'unknown'}, and only the batch may be dynamic: ` +
        'export the model for one image size',
    );
  }
  return dims;
}

function valueNamed(values: ReadonlyMap<string, TypedShape>, name: string): TypedShape {
  const value = values.get(name);
  if (value === undefined) throw new GraphError(`value "${name}" is used before any node gives it`);
  return value;
}
