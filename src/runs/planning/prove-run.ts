import { openDataset } from '../../datasets/open.ts';
import { baseModel } from '../../defense/defended-model.ts';
import { type ChanceProblem, chanceProblem } from '../../evaluation/chance.ts';
import { OnnxModel } from '../../evaluation/onnx-model.ts';
import { proveClassifier } from '../../evaluation/proof/prove-model.ts';
import type { Runtime } from '../../onnx/runtime.ts';
import type { ModelProof } from '../../schemas/proof.ts';
import { testSpec } from '../inputs/inspect-inputs.ts';
import { classifierSpec, modelName, openClassifier } from '../inputs/open-classifier.ts';
import type { PreparedRun } from './prepare-run.ts';

/**
 * Proves the model of a run without a defence, on its first images; jobs prove each variant before they evaluate it. Throws
 * ModelError where it does not compute what it says.
 */
export async function proveRun({ local, plan }: PreparedRun, runtime: Runtime): Promise<ModelProof> {
  const classifier = await openClassifier(classifierSpec(local, plan.inputs.imageShape));
  const data = await openDataset(testSpec(local));
  const name = modelName(local);
  return proveClassifier(classifier, runtime, { name, data, gradients: true, evaluations: data.count });
}

/** What is wrong where the model without a defence is no better than chance; null where nothing is, or nobody wants to know. */
export async function chanceOf({ local, plan }: PreparedRun, runtime: Runtime): Promise<ChanceProblem | null> {
  if (plan.config.allowChance === true) return null;
  const classifier = await openClassifier(classifierSpec(local, plan.inputs.imageShape));
  const model = new OnnxModel(baseModel(classifier), classifier.imageShape, classifier.classes, runtime);
  const { seed, compute } = local;
  try {
    const options = { seed, batchSize: compute.batchSize };
    return (await chanceProblem(model, await openDataset(testSpec(local)), options)) ?? null;
  } finally {
    await model.release();
  }
}
