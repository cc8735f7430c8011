import type { Model } from '../onnx/graph.ts';

/** The model with `logits` as its one output. Layers are outputs only while passes run, to keep their values alive. */
export function withOnlyOutput(model: Model, logits: string): Model {
  const outputs = model.graph.outputs.filter(({ name }) => name === logits);
  return { ...model, graph: { ...model.graph, outputs } };
}
