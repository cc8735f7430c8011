import { float, type GraphBuilder, type NodeOptions } from '../onnx/builder.ts';
import type { Activation } from '../schemas/model-options.ts';

/** ONNX ops of one input that are an activation as it stands, with torch.nn's default parameters. */
const OPS: Readonly<
  Record<Exclude<Activation, 'silu' | 'leaky-relu'>, { op: string; attributes?: NodeOptions['attributes'] }>
> = {
  relu: { op: 'Relu' },
  gelu: { op: 'Gelu' },
  elu: { op: 'Elu', attributes: { alpha: float(1) } },
  softplus: { op: 'Softplus' },
  tanh: { op: 'Tanh' },
};

/** Appends an activation; its value is named after the one it reads. `slope` is a leaky ReLU's, below zero. */
export function appendActivation(graph: GraphBuilder, x: string, activation: Activation, slope: number): string {
  const named = (name: string) => ({ outputs: [graph.fresh(`${x}.${name}`)] });
  if (activation === 'silu') return graph.op('Mul', [x, graph.op('Sigmoid', [x])], {}, named('silu'));
  if (activation === 'leaky-relu') return graph.op('LeakyRelu', [x], { alpha: float(slope) }, named('leaky'));
  const { op, attributes } = OPS[activation];
  return graph.op(op, [x], attributes, named(activation));
}
