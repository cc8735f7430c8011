import { expect } from 'vitest';
import { toNumbers } from '../../../../src/numeric/tensor.ts';
import { GraphBuilder } from '../../../../src/onnx/builder.ts';
import type { Model } from '../../../../src/onnx/graph.ts';
import { inferGraph } from '../../../../src/onnx/shapes/infer.ts';
import { atBatch, randomFeeds, runOrt } from './run.ts';

/**
 * Builds a graph, runs it on onnxruntime at two batch sizes, and expects of every output the type, the dimensions and,
 * where inference claims to know it, the value.
 */
export async function expectShapes(build: (graph: GraphBuilder) => string | readonly string[]): Promise<void> {
  const builder = new GraphBuilder();
  const outputs = [build(builder)].flat();
  const model = withoutOutputDims(builder.build(outputs));
  const values = inferGraph(model.graph);
  for (const batch of [2, 3]) {
    const results = await runOrt(model, randomFeeds(model, batch));
    for (const name of outputs) {
      const { type, dims, constant, symbolic } = values.get(name)!;
      const found = results[name]!;
      expect({ name, batch, type: found.type, dims: [...found.dims] }).toEqual({
        name,
        batch,
        type,
        dims: atBatch(dims, batch),
      });
      if (constant) expect({ name, value: toNumbers(found) }).toEqual({ name, value: toNumbers(constant) });
      if (symbolic)
        expect({ name, batch, value: toNumbers(found) }).toEqual({ name, batch, value: atBatch(symbolic, batch) });
    }
  }
}

/** So that onnxruntime finds the shapes itself and is not told them. */
function withoutOutputDims(model: Model): Model {
  const outputs = model.graph.outputs.map((output) => ({ ...output, dims: undefined }));
  return { ...model, graph: { ...model.graph, outputs } };
}
