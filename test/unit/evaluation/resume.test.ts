import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAttack } from '../../../src/attacks/suites.ts';
import { openDataset } from '../../../src/datasets/open.ts';
import type { CheckpointStore, EvaluationImages } from '../../../src/evaluation/image-state.ts';
import type { OnnxModel } from '../../../src/evaluation/onnx-model.ts';
import { evaluateImages } from '../../../src/evaluation/protocol.ts';
import { keyedStream } from '../../../src/numeric/random.ts';
import { openClassifier } from '../../../src/runs/inputs/open-classifier.ts';
import { decodeEvaluation, encodeEvaluation } from '../../../src/runs/jobs/shard-checkpoints.ts';
import type { AttackSpec } from '../../../src/schemas/attacks.ts';
import { modelOf } from '../../support/models.ts';

const IMAGES = 10;
const OWNER = 'run/state/none/00000.bin';

/** Every kind of attack there is, short, with restarts, targets and several gradients a step. */
const SUITE: readonly AttackSpec[] = [
  { attack: 'apgd-ce', iterations: 6, restarts: 2 },
  { attack: 'apgd-t', iterations: 5, targets: 3 },
  { attack: 'apgd-dlr', iterations: 4, eot: 2 },
  { attack: 'fab', iterations: 3 },
  { attack: 'pgd', iterations: 4, eot: 2 },
  { attack: 'gama', iterations: 5 },
  { attack: 'pma', iterations: 4, eot: 2 },
  { attack: 'malt', iterations: 5, targets: 2, eot: 2 },
  { attack: 'fab-t', iterations: 6, targets: 2, restarts: 2 },
  { attack: 'rays', queries: 25 },
  { attack: 'square', queries: 30 },
];

class Killed extends Error {}

/** Saves now and then, and dies now and then, by a stream of its own. */
function mortal(seed: number): { memory: CheckpointStore; deaths: () => number } {
  const stream = keyedStream(['kills', seed]);
  let bytes: Uint8Array | undefined;
  let deaths = 0;
  const checkpoints: CheckpointStore = {
    load: async () => bytes && decodeEvaluation(bytes, OWNER),
    async maybeSave(save) {
      if (stream.uniform() < 0.4) bytes = encodeEvaluation(save(), OWNER);
      if (stream.uniform() < 0.15) {
        deaths++;
        throw new Killed();
      }
    },
  };
  return { memory: checkpoints, deaths: () => deaths };
}

describe('an evaluation that is killed and started again, at random moments', () => {
  let model: OnnxModel;
  let images: EvaluationImages;
  beforeAll(async () => {
    model = modelOf(await openClassifier({ path: 'examples/demo/shapes10-rn18-w8.pt' }));
    const path = 'examples/demo/test.bin';
    const data = await openDataset({ format: 'cifar10', path, split: 'test', limit: IMAGES });
    images = {
      x: await data.pixels(0, IMAGES),
      labels: data.labels,
      images: Array.from({ length: IMAGES }, (_, image) => image),
    };
  });
  afterAll(() => model?.release());

  const evaluate = (examples: 'first' | 'last', checkpoints?: CheckpointStore) =>
    evaluateImages(model, images, {
      suite: SUITE.map((spec) => ({ attack: createAttack(spec), group: 'all' })),
      threat: { norm: 'Linf', epsilon: 8 / 255 },
      seed: 3,
      batchSize: 4,
      examples,
      ...(checkpoints === undefined ? {} : { checkpoints }),
    });

  it.each([
    ['first', 1],
    ['last', 2],
    ['last', 3],
    ['first', 4],
  ] as const)('ends as if undisturbed (keeping the %s example, seed %d)', async (examples, seed) => {
    const undisturbed = await evaluate(examples);
    const { memory, deaths } = mortal(seed);
    let ended: Awaited<ReturnType<typeof evaluate>> | undefined;
    for (let life = 0; ended === undefined && life < 400; life++)
      ended = await evaluate(examples, memory).catch((error: unknown) => {
        if (error instanceof Killed) return undefined;
        throw error;
      });
    expect(deaths()).toBeGreaterThan(3);
    expect(ended?.outcomes).toEqual(undisturbed.outcomes);
    expect(ended?.adversarial).toEqual(undisturbed.adversarial);
    const counts = (of: typeof undisturbed | undefined) =>
      of?.usage.map(({ attack, forwards, gradients }) => ({ attack, forwards, gradients }));
    expect(counts(ended)).toEqual(counts(undisturbed));
    expect(undisturbed.outcomes.some(({ brokenBy }) => brokenBy !== null)).toBe(true);
  });

  it('begins anew where what was saved is damaged, or another shard’s', async () => {
    const saved: Uint8Array[] = [];
    const memory: CheckpointStore = {
      load: async () => undefined,
      async maybeSave(save) {
        if (saved.length === 0) saved.push(encodeEvaluation(save(), OWNER));
      },
    };
    await evaluate('first', memory);
    const [bytes = new Uint8Array()] = saved;
    expect(decodeEvaluation(bytes, OWNER)?.imageStates).toHaveLength(IMAGES);
    expect(decodeEvaluation(bytes, 'run/state/none/00001.bin')).toBeUndefined();
    const damaged = bytes.slice();
    damaged[damaged.length - 1]! ^= 1;
    expect(decodeEvaluation(damaged, OWNER)).toBeUndefined();
    expect(decodeEvaluation(bytes.subarray(0, 40), OWNER)).toBeUndefined();
    expect(decodeEvaluation(new Uint8Array(), OWNER)).toBeUndefined();
  });
});
