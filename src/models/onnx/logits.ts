import { GraphError } from '../../errors.ts';
import { GraphBuilder } from '../../onnx/builder.ts';
import { formatDims, type Graph, isBatch, type Model, type ValueInfo } from '../../onnx/graph.ts';
import type { BinaryOutput } from '../../schemas/config.ts';
import { SEVERAL_OUTPUTS } from '../binary.ts';
import { type PlainLogits, withBinaryLogits } from './binary.ts';

/** Which output of a user's graph the logits are, and their form. */

/**
 * The graph with its logits as the one output: `wanted` where the user names it. Throws GraphError with the names and shapes
 * of all outputs where there are several and none is named.
 */
export function withOneOutput(graph: Graph, wanted: string | undefined): Graph {
  const { outputs } = graph;
  const chosen = wanted === undefined ? outputs : outputs.filter(({ name }) => name === wanted);
  if (chosen.length === 1) return { ...graph, outputs: chosen };
  const problem =
    wanted === undefined
      ? `outputs ${listed(outputs)}: say which of them is the logits, "output" (--output)`
      : `no output "${wanted}": there are ${listed(outputs)}`;
  throw new GraphError(problem);
}

function listed(infos: readonly ValueInfo[]): string {
  const info = ({ name, dims }: ValueInfo) => (dims === undefined ? `"${name}"` : `"${name}" ${formatDims(dims)}`);
  return infos.map(info).join(', ') || 'none';
}

/**
 * A canonical model with logits [N, classes] as its first output; ones that trail, as of a 1 x 1 convolution's [N, 10, 1, 1], are
 * dropped, and of one number an image, as `binary` says, [0, z] is made. Throws GraphError where the output is a map, no float, or
 * one number of which nothing is said.
 */
export function withPlainLogits(model: Model, binary: BinaryOutput | undefined): PlainLogits {
  const { graph } = model;
  const [{ name, type }, ...others] = graph.outputs as [ValueInfo, ...ValueInfo[]];
  const builder = GraphBuilder.from(graph);
  const dims = builder.shape(name);
  const [batch, classes, ...rest] = dims;
  const given = `output "${name}" is ${type} ${formatDims(dims)}`;
  if (type !== 'float32' || batch === undefined || !isBatch(batch) || batch.batch !== 1)
    throw new GraphError(`${given}, and logits are float32 [N, classes]`);
  if (rest.some((dim) => dim !== 1) || (classes !== undefined && isBatch(classes)))
    throw new GraphError(`${given}, a map: a classifier has logits [N, classes]; pool it, or name another output`);
  if (classes === undefined || classes === 1) return withBinaryLogits(model, binary, given);
  if (binary !== undefined) throw new GraphError(`${given}, and ${SEVERAL_OUTPUTS}`);
  if (rest.length === 0) return { model, notes: [] };
  const flat = builder.op('Flatten', [name], { axis: 1 });
  const plain = builder.build([flat, ...others.map((other) => other.name)], graph.name).graph;
  const note = `ones that trail in the shape of its logits are dropped: ${formatDims(builder.shape(flat))}`;
  return { model: { ...model, graph: plain }, notes: [note] };
}
