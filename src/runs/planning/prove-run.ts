import { openDataset } from '../../datasets/open.ts';
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
