import { float, GraphBuilder } from '../onnx/builder.ts';
import { floatOf, type Model, type Node } from '../onnx/graph.ts';

/** A BatchNorm, and the outputs that tell of what it reads: z = (x - running mean) / sqrt(running variance + epsilon). */
export interface NormStatistics {
  /** Its module in a checkpoint, its node in an .onnx. */
  readonly module: string;
  /** Output [C]: mean of z over images and positions; 0 where x is what the network was trained on. */
  readonly mean: string;
  /** Output [C]: mean of z²; 1 where it is. */
  readonly square: string;
  /** Of each channel epsilon / (running variance + epsilon): what is in the 1 beside the variance itself. */
  readonly floor: Float64Array;
}

/** A network whose outputs are the statistics of its BatchNorms, those first that are computed first. */
export interface StatisticsModel {
  readonly model: Model;
  readonly norms: readonly NormStatistics[];
}

/**
 * What the BatchNorms of a network read, reduced to two numbers a channel inside the graph. Only BatchNorms with constant statistics
 * of some training count; folded ones are no longer there. Standardised by what was recorded, moments lose no digits to a mean far from 0.
 */
export function statisticsModel({ graph }: Model): StatisticsModel {
  const builder = GraphBuilder.from(graph);
  const norms = graph.nodes.flatMap((node) => appendStatistics(builder, node) ?? []);
  const outputs = norms.flatMap(({ mean, square }) => [mean, square]);
  return { model: builder.build(outputs, `${graph.name} statistics`), norms };
}

/** The part of it that its first BatchNorm needs: no activation has been at work there. */
export function firstStatistics({ model, norms }: StatisticsModel): StatisticsModel {
  const first = norms.slice(0, 1);
  const outputs = first.flatMap(({ mean, square }) => [mean, square]);
  return { model: GraphBuilder.from(model.graph).build(outputs, model.graph.name), norms: first };
}

function appendStatistics(builder: GraphBuilder, node: Node): NormStatistics | undefined {
  if (node.op !== 'BatchNormalization' || node.domain !== '') return undefined;
  const [x = '', , , mean = '', variance = ''] = node.inputs;
  const [recordedMean, recorded] = [builder.constantOf(mean), builder.constantOf(variance)];
  if (recorded?.type !== 'float32' || recordedMean?.type !== 'float32') return undefined;
  // As they are before any training: nothing was recorded.
  if (recordedMean.data.every((value) => value === 0) && recorded.data.every((value) => value === 1)) return undefined;
  const epsilon = floatOf(node, 'epsilon', 1e-5);
  const channels = recorded.data.length;
  const ones = builder.constant(Array(channels).fill(1));
  const zeros = builder.constant(Array(channels).fill(0));
  const z = builder.op('BatchNormalization', [x, ones, zeros, mean, variance], { epsilon: float(epsilon) });
  const axes = builder.ints([...builder.shape(x).keys()].filter((axis) => axis !== 1));
  const meanOf = (value: string) => builder.op('ReduceMean', [value, axes], { keepdims: 0 });
  return {
    module: node.name || node.outputs[0]!,
    mean: meanOf(z),
    square: meanOf(builder.op('Mul', [z, z])),
    floor: Float64Array.from(recorded.data, (value) => epsilon / (value + epsilon)),
  };
}
