import { describe, expect, it } from 'vitest';
import { createAttack } from '../../../src/attacks/suites.ts';
import { openDataset } from '../../../src/datasets/open.ts';
import { baseModel } from '../../../src/defense/defended-model.ts';
import type { CheckpointStore, SavedEvaluation } from '../../../src/evaluation/image-state.ts';
import { OnnxModel } from '../../../src/evaluation/onnx-model.ts';
import { evaluateImages, type SuiteEntry } from '../../../src/evaluation/protocol.ts';
import { openClassifier } from '../../../src/runs/inputs/open-classifier.ts';
import type { JobProgress } from '../../../src/runs/jobs/executor.ts';
import { decodeEvaluation, encodeEvaluation, resumeProgress } from '../../../src/runs/jobs/shard-checkpoints.ts';
import { onnxRuntime } from '../../../src/runtime/session.ts';

const SUITE: readonly SuiteEntry[] = [
  { attack: createAttack({ attack: 'apgd-ce', iterations: 4 }), group: 'all' },
  { attack: createAttack({ attack: 'apgd-t', iterations: 4, targets: 2 }), group: 'all' },
];

/** Every state told while 6 images are evaluated; stops after `steps`. */
async function statesOf(
  checkpoints: CheckpointStore,
  { steps = Number.POSITIVE_INFINITY, suite = SUITE }: { steps?: number; suite?: readonly SuiteEntry[] } = {},
): Promise<JobProgress[]> {
  const classifier = await openClassifier({
    path: 'examples/demo/shapes10-rn18-w8.pt',
    imageShape: [3, 32, 32],
    layout: 'NCHW',
    layer: undefined,
  });
  const data = await openDataset({ format: 'cifar10', path: 'examples/demo/test.bin', split: 'test', limit: 6 });
  const model = new OnnxModel(baseModel(classifier), classifier.imageShape, classifier.classes, onnxRuntime());
  const states: JobProgress[] = [];
  const resumed = resumeProgress(checkpoints, (state) => {
    states.push(state);
    if (states.length > steps) throw new Error('stopped');
  });
  const images = { x: await data.pixels(0, 6), labels: data.labels, images: [...data.labels.keys()] };
  const threat = { norm: 'Linf', epsilon: 8 / 255 } as const;
  const options = { suite, threat, seed: 0, batchSize: 4, examples: 'last', ...resumed } as const;
  await evaluateImages(model, images, options).catch((error: Error) => expect(error.message).toBe('stopped'));
  await model.release();
  return states;
}

describe('a job that goes on', () => {
  it('tells what an earlier start had evaluated, and one that begins tells nothing of the kind', async () => {
    let bytes: Buffer | undefined;
    const memory: CheckpointStore = {
      load: async () => bytes && decodeEvaluation(bytes, 'test'),
      maybeSave: async (save: () => SavedEvaluation) => {
        bytes = encodeEvaluation(save(), 'test');
      },
    };
    const first = await statesOf(memory, { steps: 9 });
    expect(first.every(({ earlier }) => earlier === undefined)).toBe(true);
    // The state after the last save was never saved.
    const saved = first.at(-2)!;
    const second = await statesOf(memory);
    for (const { earlier } of second) {
      expect(earlier).toEqual({ fraction: second[0]!.fraction, evaluations: saved.evaluations });
    }
    expect(second[0]!.evaluations).toBe(first.at(-1)!.evaluations);
    bytes = undefined;
    const whole = await statesOf(memory);
    expect(second.at(-1)!.evaluations).toBe(whole.at(-1)!.evaluations);
    expect(second.length).toBe(whole.length - 9);
    for (const [index, { fraction }] of whole.entries()) {
      expect(fraction).toBeGreaterThanOrEqual(whole[index - 1]?.fraction ?? 0);
      expect(fraction).toBeLessThanOrEqual(1 + 1e-12);
    }
  });

  it('counts only the images its own group has not broken, where each attack sees all of them', async () => {
    const none: CheckpointStore = { load: async () => undefined, maybeSave: () => undefined };
    const sequential = await statesOf(none);
    const individual = SUITE.map(({ attack }) => ({ attack, group: attack.name }));
    const states = await statesOf(none, { suite: individual });
    expect(states.every(({ robust = -1 }) => robust >= 0)).toBe(true);
    const begins = (all: readonly JobProgress[]) => all.find(({ attack }) => attack === 'apgd-t')!;
    expect(begins(states).robust!).toBeGreaterThan(begins(sequential).robust!);
  });
});
