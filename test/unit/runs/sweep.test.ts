import { describe, expect, test } from 'vitest';
import type { RunInputs } from '../../../src/runs/inputs/inspect-inputs.ts';
import { baseIdentity } from '../../../src/runs/parameter-sweep.ts';
import { planAnalysis } from '../../../src/runs/planning/analysis-plan.ts';
import { planRun } from '../../../src/runs/planning/plan.ts';
import { parseConfig } from '../../../src/schemas/parse-config.ts';
import { smallConfig } from '../../support/cli.ts';

const INPUTS: RunInputs = {
  checkpoint: {
    sha256: 'a'.repeat(64),
    architecture: 'net',
    classes: 10,
    layer: { name: 'layer4', units: 64 },
    notes: [],
  },
  imageShape: [3, 32, 32],
  test: { sha256: 'b'.repeat(64), images: 12 },
  probe: { sha256: 'c'.repeat(64), images: 200 },
  classNames: Array.from({ length: 10 }, (_, c) => `class ${c}`),
};

function planOf(changes: Readonly<Record<string, unknown>> = {}, inputs: Partial<RunInputs> = {}) {
  const source = JSON.parse(JSON.stringify(smallConfig(changes)));
  return planRun(parseConfig(JSON.stringify(source), 'c.json'), source, { ...INPUTS, ...inputs });
}

describe('what the undefended model depends on', () => {
  const base = baseIdentity(planOf());

  test.each([
    { importantUnits: 4 },
    { layer: 'layer3' },
    { temperature: 1 },
    { smoothing: { sigma: '8/255' } },
    { ranking: { signed: true } },
    { variants: ['none'] },
    { name: 'other' },
  ])('is not %j', (changes) => {
    expect(baseIdentity(planOf(changes))).toBe(base);
  });

  test.each([
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
  ])('is %j', (changes) => {
    expect(baseIdentity(planOf(changes))).not.toBe(base);
  });

  test('is the checkpoint and the images, by content', () => {
    const checkpoint = { ...INPUTS.checkpoint, sha256: 'd'.repeat(64) };
    expect(baseIdentity(planOf({}, { checkpoint }))).not.toBe(base);
    expect(baseIdentity(planOf({}, { test: { sha256: 'e'.repeat(64), images: 12 } }))).not.toBe(base);
    expect(baseIdentity(planOf({}, { test: { ...INPUTS.test, images: 11 } }))).not.toBe(base);
    expect(baseIdentity(planOf({}, { probe: null }))).toBe(base);
  });

  test('is the layer of an .onnx, whose graph is prepared around it', () => {
    const onnx = { checkpoint: { uri: 'x.onnx' } };
    expect(baseIdentity(planOf({ ...onnx, layer: 'a' }))).not.toBe(baseIdentity(planOf({ ...onnx, layer: 'b' })));
  });
});

describe('the plan of an analysis', () => {
  const source = JSON.parse(JSON.stringify(smallConfig({ analysis: { lossSurface: { images: [3, 12] } } })));
  const config = parseConfig(JSON.stringify(source), 'c.json');

  test('knows the images there are', () => {
    expect(() => planAnalysis(planRun(config, source, INPUTS))).toThrow(/there is no image 12, the test set has 12/);
  });

  test('is told from that of a run, which no analysis changes', () => {
    const plain = planOf();
    expect(planRun(config, source, INPUTS).id).toBe(plain.id);
    const other = { ...config, analysis: { ...config.analysis, lossSurface: { images: [3], points: 5 } } };
    const ids = [planAnalysis(planRun(other, source, INPUTS)).id, planAnalysis(plain).id, plain.id];
    expect(new Set(ids).size).toBe(3);
  });
});
