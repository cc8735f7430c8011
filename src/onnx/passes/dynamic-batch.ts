import { GraphError } from '../../errors.ts';
import { type Dim, describeNode, formatDims, type Graph, isBatch, type Node, sameDim } from '../graph.ts';
import { inferGraph } from '../shapes/infer.ts';
import { Rebatcher } from './rebatcher.ts';
import { rewrite } from './rewrite.ts';
import { firstWorking } from './search.ts';

/**
 * Makes the batch of a graph dynamic where it is frozen: the first dimension of its inputs becomes N, and every constant
 * that holds the frozen size is rewritten. Throws GraphError where some node mixes or loses the images of a batch.
 */
export function withDynamicBatch(graph: Graph): Graph {
  const size = frozenSize(graph);
  if (size === undefined) return withBatchInOutputs(graph);
  try {
    return withBatchInOutputs(rebatched(graph, size));
  } catch (cause) {
    if (!(cause instanceof GraphError)) throw cause;
    throw new GraphError(`${cause.message}; it was exported for a batch of ${size} alone: ${UNFREEZE}`, { cause });
  }
}

const UNFREEZE =
  'export it for any (dynamo: dynamic_shapes=({0: "batch"},); else dynamic_axes={"input": {0: "batch"}})';

/** The batch size a graph was exported for; undefined where it is dynamic. */
function frozenSize(graph: Graph): number | undefined {
  const [size, ...others] = graph.inputs.map(({ dims }) => dims?.[0]);
  if (size === undefined || !others.every((other) => other !== undefined && sameDim(size, other))) {
    const names = graph.inputs.map(({ name }) => `"${name}"`).join(', ') || 'none';
    throw new GraphError(`the graph's inputs (${names}) have no batch in common`);
  }
  return isBatch(size) ? undefined : size;
}

/**
 * A frozen reshape can leave open where the batch went ([5, 1, 4] to [5, 4]: either axis). Each way is right for the values
 * there; which one the rest of the graph can work with shows in the shapes further on, so ways are tried in turn.
 */
function rebatched(graph: Graph, size: number): Graph {
  const frozen = inferGraph(graph);
  const inputs = graph.inputs.map((input) => ({ ...input, dims: input.dims!.with(0, { batch: 1 }) }));
  return firstWorking((choose) => {
    const rebatcher = new Rebatcher(frozen, size, choose);
    return rewrite({ ...graph, inputs }, (node, builder) => rebatcher.rewrite(node, builder));
  });
}

/** The first output is the logits; others may be inner values, which carry the batch where they like. Throws GraphError. */
function withBatchInOutputs(graph: Graph): Graph {
  const values = inferGraph(graph);
  const dimsOf = (name: string) => values.get(name)?.dims ?? [];
  graph.outputs.forEach(({ name }, index) => {
    const dims = dimsOf(name);
    const batch = index === 0 ? dims[0] : dims.find(isBatch);
    if (batch !== undefined && isBatch(batch)) return;
    const culprit = graph.nodes.find((node) => losesBatch(node, dimsOf));
    throw new GraphError(
      `output "${name}" has shape ${formatDims(dims)}, which does not begin with the batch` +
        (culprit ? `; ${describeNode(culprit)} loses it` : ''),
    );
  });
  return graph;
}

/** Whether an input of the node has a batch dimension and its output has none; reading a shape is no such loss. */
function losesBatch(node: Node, dimsOf: (name: string) => readonly Dim[]): boolean {
  const batched = (name: string) => dimsOf(name).some(isBatch);
  return node.op !== 'Shape' && node.op !== 'Size' && node.inputs.some(batched) && !node.outputs.some(batched);
}
