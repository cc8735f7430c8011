import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeNpy } from '../../src/numeric/npy.ts';
import { int64 } from '../../src/numeric/tensor.ts';
import { igd, scratch, writeJson } from '../support/cli.ts';
import { golden, largestError } from '../support/golden.ts';

const FIXTURES = 'test/fixtures/binary';
const PROBABILITY = { uri: `${FIXTURES}/probability_flat.onnx`, binary: 'probability' };
const folder = scratch();
const right = folder.path('right.npy');
beforeAll(() => {
  const z = golden(`${FIXTURES}/logits.npy`).data.filter((_, i) => i % 2 === 1);
  const classes = [...z].map((value) => (value > 0 ? 1 : 0));
  writeFileSync(right, encodeNpy(int64([8], classes)));
});
afterAll(() => folder.remove());

const brokenBy = (outcomes: readonly (readonly string[])[]) => outcomes.slice(1).map((row) => row[4]);

function config(name: string, checkpoint: object, changes: object = {}): string {
  const images = `${FIXTURES}/images.npy`;
  return writeJson(folder.path(`${name}.json`), {
    name,
    checkpoint,
    dataset: { format: 'npy', test: images, testLabels: right, probe: images, probeLabels: right },
    variants: ['none'],
    threat: { norm: 'Linf', epsilon: '4/255' },
    suite: [
      { attack: 'apgd-ce', iterations: 10 },
      { attack: 'square', queries: 50 },
    ],
    ...changes,
  });
}

/** Per image: the image, its label, what the model says of it, and what broke it. */
async function outcomesOf(name: string, checkpoint: object): Promise<string[][]> {
  const out = folder.path(name);
  const { code, stderr } = await igd(['run', config(name, checkpoint), '--out', out, '--workers', '1']);
  expect({ code }, stderr).toEqual({ code: 0 });
  const rows = readFileSync(`${out}/images.csv`, 'utf8').trim().split('\n');
  return rows.map((row) => row.split(','));
}

test('a run of a model that ends in a sigmoid finds what [0, z] alone would hide', async () => {
  const one = brokenBy(await outcomesOf('one', PROBABILITY));
  const two = brokenBy(await outcomesOf('two', { uri: `${FIXTURES}/two_logits.onnx` }));
  // A z of 32 has a probability of 1 in float32: the gradient of torch.cat([zeros, z]) is 0 there.
  const apgd = 'apgd-ce';
  expect(one).toEqual([apgd, apgd, '', apgd, apgd, '', apgd, apgd]);
  expect(two[7]).toBe('');
  const idle = (name: string) =>
    JSON.parse(readFileSync(folder.path(`${name}/report.json`), 'utf8')).variants[0].checks.zeroGradientImages;
  expect([idle('one'), idle('two')]).toEqual([0, 2]);
});

test('masks of a checkpoint with one output are ranked, attacked and verified as any', async () => {
  const { checkpoint, ...changes } = {
    checkpoint: { uri: `${FIXTURES}/vgg.pt`, binary: 'logit' },
    ...{ model: { normalization: 'none' }, layer: 'stage2', importantUnits: 3, variants: ['none', 'loir', 'conf@0.8'] },
    ranking: { allowDegenerate: true },
  };
  const out = folder.path('masked');
  const done = await igd(['run', config('masked', checkpoint, changes), '--out', out, '--workers', '1']);
  expect({ code: done.code }, done.stderr).toEqual({ code: 0 });
  expect(await igd(['verify', out])).toMatchObject({ code: 0 });
  const report = JSON.parse(readFileSync(`${out}/report.json`, 'utf8'));
  expect(report.checkpoint.reading).toContainEqual({ key: 'binary', value: 'logit', source: 'stated' });
});

test('predict, rank and import take the statement as a flag', async () => {
  const data = ['--data', `${FIXTURES}/images.npy`, '--labels', right];
  const checkpoint = [`${FIXTURES}/vgg.pt`, '--model', 'normalization=none'];
  const refused = await igd(['predict', ...checkpoint, ...data]);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('"logit" or "probability" (--binary)') });

  const ranking = folder.path('ranking.json');
  const ranked = await igd([
    ...['rank', ...checkpoint, ...data, '--binary', 'probability', '--layer', 'stage1', '--units', '2'],
    ...['--allow-degenerate', '--out', ranking],
  ]);
  expect({ code: ranked.code }, ranked.stderr).toEqual({ code: 0 });
  expect(ranked.stdout).toContain('its one output is the probability of class 1, as stated');
  const masks = ['--ranking', ranking, '--layer', 'stage1', '--units', '2'];
  const other = await igd(['predict', ...checkpoint, ...data, '--binary', 'logit', ...masks]);
  expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('(binary probability, not logit)') });

  const imported = folder.path('imported.onnx');
  const read = await igd(['import', `${FIXTURES}/probability.onnx`, '--binary', 'probability', '--out', imported]);
  expect(read).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('the sigmoid that makes it of z is left off'),
  });
  const logits = folder.path('logits.npy');
  const predicted = await igd(['predict', imported, ...data, '--logits', logits]);
  expect(predicted).toMatchObject({ code: 0, stdout: expect.stringContaining('8 of 8 images right') });
  expect(largestError(golden(logits).data, golden(`${FIXTURES}/logits.npy`).data)).toBeLessThan(1e-6);
});
