import { expect, test } from 'vitest';
import { RunError } from '../../../src/errors.ts';
import { inspectInputs } from '../../../src/runs/inputs/inspect-inputs.ts';
import { JobContext } from '../../../src/runs/jobs/job-context.ts';
import { type Plan, planRun, recipeOf } from '../../../src/runs/planning/plan.ts';
import { onnxRuntime } from '../../../src/runtime/session.ts';
import { parseConfig } from '../../../src/schemas/parse-config.ts';
import { FileStore } from '../../../src/stores/folder-store.ts';
import { scratch, smallConfig } from '../../support/cli.ts';

const FORMS = 'test/fixtures/onnx-forms';
const data = { test: `${FORMS}/images.npy`, testLabels: `${FORMS}/labels.npy` };
const probe = { probe: `${FORMS}/images.npy`, probeLabels: `${FORMS}/labels.npy` };

async function planOf(layer: string): Promise<Plan> {
  const document = smallConfig({
    checkpoint: { uri: `${FORMS}/layers.script.onnx` },
    dataset: { format: 'npy', ...data, ...probe },
    ...{ layer, importantUnits: 4, variants: ['none', 'loir'] },
  });
  const config = parseConfig(JSON.stringify(document), 'c.json');
  return planRun(config, JSON.parse(JSON.stringify(document)), await inspectInputs(config));
}

function withLayer(plan: Plan, layer: Plan['inputs']['checkpoint']['layer']): Plan {
  return { ...plan, inputs: { ...plan.inputs, checkpoint: { ...plan.inputs.checkpoint, layer } } };
}

test('the axis of units is in plan and recipe where it is not the one the first edition took, and nowhere else', async () => {
  const last = await planOf('stages.1');
  expect(last.inputs.checkpoint.layer).toEqual({ name: 'stages.1', units: 12, axis: 3 });
  expect(recipeOf('loir', last.config, last.inputs).layerAxis).toBe(3);
  const second = await planOf('stem');
  expect(second.inputs.checkpoint.layer).toEqual({ name: 'stem', units: 8 });
  expect(JSON.stringify(recipeOf('loir', second.config, second.inputs))).not.toContain('layerAxis');
});

test('a plan that took image rows for units is not gone on with', async () => {
  const folder = scratch();
  const store = new FileStore(folder.dir);
  const plan = await planOf('stages.1');
  const context = (given: Plan) =>
    new JobContext({ plan: given, runs: store, rankings: store, runtime: onnxRuntime({ threads: 1 }) });
  await expect(context(withLayer(plan, { name: 'stages.1', units: 4 })).classifier()).rejects.toThrow(
    new RunError(
      'the plan has 4 units of "stages.1", and there are 12 along axis 3: plan the run anew, into another folder',
    ),
  );
  // As many rows as units: nothing but the axis tells.
  const square = withLayer(await planOf('stages.0.norm'), { name: 'stages.0.norm', units: 8 });
  await expect(context(square).classifier()).rejects.toThrow('8 along axis 3');
  expect((await context(plan).classifier()).layers).toMatchObject([{ axis: 2 }]);
  folder.remove();
});
