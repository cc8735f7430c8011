import { GraphBuilder } from '../../onnx/builder.ts';
import { type Model, type Node, stringOf } from '../../onnx/graph.ts';
import { withoutAttributes } from '../../onnx/passes/rewrite.ts';
import { isDilated } from '../../onnx/shapes/windows.ts';

/** A node as opset 18 writes it, or nothing where it has no such node. */
type Older = (node: Node, builder: GraphBuilder) => Node | undefined;

const unlessBool: Older = (node, builder) => (builder.type(node.inputs[0]!) === 'bool' ? undefined : node);

/**
 * The ops of igd's graphs to which opsets 19 and 20 gave more than element types that igd has none of; every other op says the
 * same in all three. https://github.com/onnx/onnx/blob/main/docs/Changelog.md
 */
const OLDER: Readonly<Record<string, Older>> = {
  AveragePool: (node) => (isDilated(node) ? undefined : withoutAttributes(node, 'dilations')),
  // How numbers become float8.
  Cast: (node) => withoutAttributes(node, 'saturate'),
  Gelu: () => undefined,
  Pad: (node) => (stringOf(node, 'mode', 'constant') === 'wrap' ? undefined : node),
  ReduceMax: unlessBool,
  ReduceMin: unlessBool,
  Resize: (node) =>
    stringOf(node, 'coordinate_transformation_mode', 'half_pixel') === 'half_pixel_symmetric' ? undefined : node,
};

/**
 * The model in opset 18, whose kernels onnxruntime has for CUDA where it has none of opset 20's; the model as it is where one of
 * its nodes cannot be written so, for then the CPU computes what the device does not, and computes it right.
 */
export function atOpset18(model: Model): Model {
  const builder = GraphBuilder.from(model.graph);
  const nodes: Node[] = [];
  for (const node of model.graph.nodes) {
    const rule = node.domain === '' ? OLDER[node.op] : undefined;
    const older = rule === undefined ? node : rule(node, builder);
    if (older === undefined) return model;
    nodes.push(older);
  }
  return { ...model, graph: { ...model.graph, nodes }, opsets: new Map([...model.opsets, ['', 18]]) };
}
