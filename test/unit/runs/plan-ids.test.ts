import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { rankingDigest } from '../../../src/ranking/ranking.ts';
import { inspectInputs, type RunInputs } from '../../../src/runs/inputs/inspect-inputs.ts';
import { planRun, recipeOf } from '../../../src/runs/planning/plan.ts';
import { parseConfig } from '../../../src/schemas/parse-config.ts';
import type { RankingMethod } from '../../../src/schemas/variants.ts';
import { smallConfig } from '../../support/cli.ts';
import { RUN_INPUTS } from '../../support/run-inputs.ts';

/** What runs are found again by: an option that is new, or a default, is to be left out of what is hashed while it changes no number. */
const IDS = {
  small: [{}, '8a0c30a58499d8ac'],
  standard: [{ suite: 'standard' }, '2925ceecefcbac3b'],
  plus: [{ suite: 'plus' }, 'e75727e987a1a9d9'],
  rand: [{ suite: 'rand', smoothing: { sigma: '8/255' } }, '0a8613ec1b2eba85'],
  apgd: [{ suite: 'apgd', protocol: 'individual' }, 'c330192d53bda411'],
  rapid: [{ suite: 'rapid' }, 'f9b5aa45f9380c89'],
  'iw-wc': [{ suite: 'iw-wc' }, '7f2661f2ea00f8a0'],
  audited: [{ suite: 'rapid', audit: { halfWidth: 0.1 } }, 'a03dbd81663644ec'],
  L1: [{ suite: 'standard', threat: { norm: 'L1', epsilon: 12 } }, '8afb1d17c6f22588'],
} as const;

test('the id of a plan is another with other labels, where they have a file of their own', () => {
  const source = JSON.parse(JSON.stringify(smallConfig()));
  const idWith = (labels: { test: string } | undefined) =>
    planRun(parseConfig(JSON.stringify(source), 'c.json'), source, { ...RUN_INPUTS, ...(labels && { labels }) }).id;
  const ids = [undefined, { test: 'd'.repeat(64) }, { test: 'e'.repeat(64) }].map(idWith);
  expect(new Set(ids).size).toBe(3);
});

test('the id of a plan is the same whether the labels of idx files are named or found beside', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'igd-plan-ids-'));
  const write = (name: string, bytes: readonly number[]) => writeFileSync(join(folder, name), Uint8Array.from(bytes));
  const test = join(folder, 't10k-images-idx3-ubyte');
  const testLabels = join(folder, 't10k-labels-idx1-ubyte');
  write('t10k-images-idx3-ubyte', [...idxHeader(2, 32, 32, 3), ...Array.from({ length: 6144 }, (_, i) => i % 251)]);
  write('t10k-labels-idx1-ubyte', [...idxHeader(2), 3, 1]);
  const ids = [{}, { testLabels }].map(async (labels) => {
    const dataset = { format: 'idx', test, ...labels };
    const config = parseConfig(JSON.stringify(smallConfig({ dataset, variants: ['none'] })), 'c.json');
    return planRun(config, null, await inspectInputs(config)).id;
  });
  expect(new Set(await Promise.all(ids)).size).toBe(1);
  rmSync(folder, { recursive: true });
});

const idxHeader = (...dims: readonly number[]) => [0, 0, 8, dims.length, ...dims.flatMap((dim) => [0, 0, 0, dim])];

test('the ranking that looks at labels is another with other labels of the probe set', () => {
  const inputs = (probe: string): RunInputs => ({
    ...RUN_INPUTS,
    labels: { probe: probe.repeat(64) },
    clip: { description: 'clip', files: ['1'.repeat(64)], tokenizer: '2'.repeat(64), concepts: ['cat'] },
  });
  const ranking = { clip: { model: 'clip.pt', tokenizer: 'tokenizer.json' } };
  const config = parseConfig(JSON.stringify(smallConfig({ ranking })), 'c.json');
  const digests = (method: RankingMethod) =>
    new Set(['d', 'e'].map((probe) => rankingDigest(recipeOf(method, config, inputs(probe)))));
  expect(digests('loir').size).toBe(2);
  expect([digests('cdir').size, digests('random').size]).toEqual([1, 1]);
});

test('the id of a plan is another with what the one output of a model is said to be', () => {
  const idWith = (binary: object) => {
    const source = JSON.parse(JSON.stringify(smallConfig({ checkpoint: { uri: 'x.pt', ...binary } })));
    const plan = planRun(parseConfig(JSON.stringify(source), 'c.json'), source, RUN_INPUTS);
    return [plan.id, plan.rankings[0]?.digest];
  };
  const ids = [{}, { binary: 'logit' }, { binary: 'probability' }].flatMap(idWith);
  expect(new Set(ids).size).toBe(6);
});

test.each(Object.entries(IDS))('the id of a plan stays where no number moves: %s', (_, [changes, id]) => {
  const source = JSON.parse(JSON.stringify(smallConfig(changes)));
  expect(planRun(parseConfig(JSON.stringify(source), 'c.json'), source, RUN_INPUTS).id).toBe(id);
});
