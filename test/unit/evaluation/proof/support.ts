import { baseModel, type EvaluatedModel } from '../../../../src/defense/defended-model.ts';
import { OnnxModel } from '../../../../src/evaluation/onnx-model.ts';
import { type ProofOptions, proveModel } from '../../../../src/evaluation/proof/prove-model.ts';
import { classifierFromOnnx } from '../../../../src/models/from-onnx.ts';
import { float32, int64 } from '../../../../src/numeric/tensor.ts';
import type { Dim, Model, Node } from '../../../../src/onnx/graph.ts';
import type { Fetches, Runtime, Session } from '../../../../src/onnx/runtime.ts';
import { onnxRuntime } from '../../../../src/runtime/session.ts';
import type { ModelProof } from '../../../../src/schemas/proof.ts';
import { modelOf, node } from '../../onnx/support/models.ts';
import { randomTensor } from '../../onnx/support/run.ts';

const CLASSES = 4;
const FEATURES = 6;
const IMAGE = [3, 5, 5] as const;
const PIXELS = 75;

/** A little network: features, what `middle` does to them, and a head; `middle` reads "h" [N, 6] and gives "m". */
export function network(middle: readonly Node[], batch: Dim = { batch: 1 }): Model {
  return modelOf({
    opset: 18,
    inputs: { images: [batch, ...IMAGE] },
    initializers: {
      ...{ w: randomTensor([PIXELS, FEATURES], 1), head: randomTensor([FEATURES, CLASSES], 2) },
      ...{ first: int64([1], [0]), second: int64([1], [1]), tiny: float32([], [1e-3]), big: float32([], [1e9]) },
    },
    nodes: [
      node('Flatten', ['images'], 'flat'),
      node('MatMul', ['flat', 'w'], 'f'),
      node('Tanh', ['f'], 'h'),
      ...middle,
      node('MatMul', ['m', 'head'], 'logits'),
    ],
  });
}

export const PLAIN = network([node('Relu', ['h'], 'm')]);

export interface Made {
  readonly runtime?: Runtime;
  readonly rules?: EvaluatedModel['rules'];
}

export function opened(model: Model, { runtime = onnxRuntime(), rules }: Made = {}): OnnxModel {
  const classifier = classifierFromOnnx(model, 'model.onnx', {});
  const evaluated = { ...baseModel(classifier), ...(rules && { rules }) };
  return new OnnxModel(evaluated, classifier.imageShape, classifier.classes, runtime);
}

/** The proof of a model, or its refusal. */
export async function proofOf(model: Model, made: Made = {}, options: Partial<ProofOptions> = {}): Promise<ModelProof> {
  const under = opened(model, made);
  try {
    return await proveModel(under, { name: 'model.onnx', gradients: true, evaluations: 0, ...options });
  } finally {
    await under.release();
  }
}

/** onnxruntime, whose sessions of some graphs change what they give. `plain` is without fault. */
export function faulty(isFaulty: (graph: string) => boolean, change: (outputs: Fetches) => Fetches): Runtime {
  const right = onnxRuntime();
  const wrap = (session: Session): Session => ({
    get usage() {
      return session.usage;
    },
    run: async (feeds, outputs) => change(await session.run(feeds, outputs)),
    release: () => session.release(),
  });
  return {
    ...right,
    createSession: async (model) => {
      const session = await right.createSession(model);
      return isFaulty(model.graph.name) ? wrap(session) : session;
    },
  };
}

/** Every number of an output changed. */
export function changed(outputs: Fetches, name: string, change: (value: number, at: number) => number): Fetches {
  const value = outputs[name];
  return value === undefined ? outputs : { ...outputs, [name]: { ...value, data: value.data.map(change) } };
}
