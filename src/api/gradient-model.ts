import { gradientModel as appendVjp } from '../onnx/autodiff/vjp.ts';
import { encodeModel } from '../onnx/codec/model.ts';
import type { Graph, Model } from '../onnx/graph.ts';
import type { OpenModel } from './model.ts';
import { asOpenModel, type ModelSource, type OpenModelOptions } from './open-model.ts';

/** Name of the output that holds the logits. */
const LOGITS = 'logits';

/**
 * The gradient of a classifier as one ONNX file, for any runtime of ONNX: inputs `x` [N, C, H, W] in [0, 1] and `cotangent`
 * [N, classes]; outputs `logits` [N, classes] and `gradient` [N, C, H, W], the product of the cotangent with the Jacobian of
 * the logits (reverse-mode differentiation; normalisation and layout are inside). The gradient of a loss is that of its
 * gradient with respect to the logits as cotangent: softmax(logits) - onehot(label) for cross-entropy.
 *
 * Rejects with GraphError where an op has no gradient rule, or the model is randomised and so has a second input.
 *
 * @param model an open model, defended or not, or where one is
 * @param options how to open it, where it is not open
 */
export async function gradientModel(model: OpenModel | ModelSource, options?: OpenModelOptions): Promise<Uint8Array> {
  const { evaluated, rules } = (await asOpenModel(model, options)).parts;
  return encodeModel(appendVjp(withNamedLogits(evaluated.model), rules));
}

/** The model with its output called `logits`; what else had that name gets another. */
function withNamedLogits(model: Model): Model {
  const { graph } = model;
  const output = graph.outputs[0]?.name;
  if (output === undefined || output === LOGITS) return model;
  const rename = (name: string) => (name === output ? LOGITS : name === LOGITS ? `${LOGITS}.inner` : name);
  const renamed: Graph = {
    ...graph,
    outputs: graph.outputs.map((info) => ({ ...info, name: rename(info.name) })),
    initializers: new Map([...graph.initializers].map(([name, tensor]) => [rename(name), tensor])),
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
    })),
  };
  return { ...model, graph: renamed };
}
