import { describe, expect, test } from 'vitest';
import type { RunInputs } from '../../../../src/runs/inputs/inspect-inputs.ts';
import { decodePlan, encodePlan, type Plan, planRun } from '../../../../src/runs/planning/plan.ts';
import { type EvaluationJob, evaluationAddress } from '../../../../src/runs/reuse/evaluation-address.ts';
import { parseConfig } from '../../../../src/schemas/parse-config.ts';
import { smallConfig } from '../../../support/cli.ts';
import { RUN_INPUTS } from '../../../support/run-inputs.ts';

type Changes = Readonly<Record<string, unknown>>;

function planOf(changes: Changes = {}, inputs: Partial<RunInputs> = {}): Plan {
  const source = JSON.parse(JSON.stringify(smallConfig(changes)));
  return planRun(parseConfig(JSON.stringify(source), 'c.json'), source, { ...RUN_INPUTS, ...inputs });
}

const shardOf = (variant: string, shard = 0): EvaluationJob => ({ kind: 'evaluate', variant, shard });
const addressOf = (variant: string, changes?: Changes, inputs?: Partial<RunInputs>) =>
  evaluationAddress(planOf(changes, inputs), shardOf(variant));

const VARIANTS = ['none', 'loir', 'conf@0.8'];

/** What a config may change that no evaluation, or none of the undefended model, depends on; and what every one does. */
const NOTHING: readonly Changes[] = [
  { name: 'other' },
  { variants: ['none', 'loir', { mask: 'conf', thresholds: [0.8, 0.95] }] },
  { analysis: { ranking: 'random' } },
  { compute: { batchSize: 3, imagesPerShard: 4 } },
  { published: { source: 'a paper', variants: {} } },
];
const DEFENDED: readonly Changes[] = [
  { importantUnits: 4 },
  { layer: 'layer3' },
  { temperature: 1 },
  { smoothing: { sigma: '8/255' } },
  { ranking: { signed: true } },
];
const EVERYTHING: readonly Changes[] = [
  { threat: { norm: 'Linf', epsilon: '4/255' } },
  { threat: { norm: 'L2', epsilon: '8/255' } },
  { seed: 1 },
  { examples: 'first' },
  { suite: [{ attack: 'apgd-ce', iterations: 6 }] },
  { protocol: 'individual' },
  { compute: { imagesPerShard: 6 } },
  { checkpoint: { uri: 'x.pt', normalize: { mean: [0.5], std: [0.5] } } },
  { checkpoint: { uri: 'x.pt', layout: 'NHWC' } },
  { checkpoint: { uri: 'x.onnx' } },
  { checkpoint: { uri: 'x.pt', binary: 'logit' } },
  { model: { activation: 'silu' } },
];

describe('the address of an evaluation', () => {
  test.each(NOTHING)('is the same with %j', (changes) => {
    for (const variant of VARIANTS) expect(addressOf(variant, changes)).toBe(addressOf(variant));
  });

  test.each(DEFENDED)('is another with %j, but of the undefended model', (changes) => {
    const inputs =
      changes.layer === undefined
        ? {}
        : { checkpoint: { ...RUN_INPUTS.checkpoint, layer: { name: 'layer3', units: 32 } } };
    expect(addressOf('none', changes, inputs)).toBe(addressOf('none'));
    for (const variant of VARIANTS.slice(1)) expect(addressOf(variant, changes, inputs)).not.toBe(addressOf(variant));
  });

  test.each(EVERYTHING)('is another with %j', (changes) => {
    for (const variant of VARIANTS) expect(addressOf(variant, changes)).not.toBe(addressOf(variant));
  });

  test('is the checkpoint, the images, their labels and the numerics, by content', () => {
    const checkpoint = { ...RUN_INPUTS.checkpoint, sha256: 'd'.repeat(64) };
    const digest = { sha256: 'e'.repeat(64), images: 12 };
    const labels = { test: 'f'.repeat(64) };
    const changed = [
      { checkpoint },
      { test: digest },
      { labels },
      { imageShape: [3, 16, 16] as [number, number, number] },
    ];
    const plan = planOf();
    const addresses = [
      ...changed.map((inputs) => addressOf('none', {}, inputs)),
      evaluationAddress({ ...plan, numerics: 2 }, shardOf('none')),
      evaluationAddress({ ...plan, numerics: undefined }, shardOf('none')),
      evaluationAddress(plan, shardOf('none', 1)),
    ];
    // Plans of before there were numerics are of the first.
    expect(new Set(addresses).size).toBe(addresses.length);
    expect(addresses.filter((address) => address === addressOf('none'))).toHaveLength(1);
  });

  test('is the same of a plan that was written and read again', () => {
    const plan = planOf({ suite: 'iw-wc' });
    const read = decodePlan(new TextEncoder().encode(encodePlan(plan)), 'plan.json');
    for (const variant of VARIANTS)
      expect(evaluationAddress(read, shardOf(variant))).toBe(evaluationAddress(plan, shardOf(variant)));
  });

  test('takes a ranking by its content: another probe set, another address', () => {
    const probe = { sha256: '1'.repeat(64), images: 200 };
    expect(addressOf('none', {}, { probe })).toBe(addressOf('none'));
    expect(addressOf('loir', {}, { probe })).not.toBe(addressOf('loir'));
  });

  test('of the first attacks is that of a suite that has no more', () => {
    const [first, second] = [
      { attack: 'apgd-ce', iterations: 5 },
      { attack: 'square', queries: 9 },
    ];
    const grown = planOf({ suite: [first, second] });
    expect(evaluationAddress(grown, shardOf('loir'), 1)).toBe(addressOf('loir', { suite: [first] }));
    expect(evaluationAddress(grown, shardOf('loir'), 2)).not.toBe(addressOf('loir', { suite: [first] }));
  });

  test('knows the model that examples are made on, and what is made once', () => {
    const on = (variant: string) => ({ suite: [{ attack: 'apgd-ce', on: { variant } }] });
    expect(addressOf('none', { ...on('loir'), temperature: 1 })).not.toBe(addressOf('none', on('loir')));
    expect(addressOf('none', { ...on('none'), temperature: 1 })).toBe(addressOf('none', on('none')));
    const once = { suite: [{ attack: 'apgd-ce', on: { variant: 'loir', once: true } }] };
    expect(addressOf('none', { ...once, temperature: 1 })).not.toBe(addressOf('none', once));
    const craft: EvaluationJob = { kind: 'craft', variant: 'loir', shard: 0 };
    expect(evaluationAddress(planOf(once), craft)).not.toBe(addressOf('loir', once));
  });
});
