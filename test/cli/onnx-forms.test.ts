import { readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { decodeRanking } from '../../src/ranking/ranking.ts';
import { igd, scratch, smallConfig, writeJson } from '../support/cli.ts';
import { golden, largestError } from '../support/golden.ts';

const FORMS = 'test/fixtures/onnx-forms';
const DATA = ['--data', `${FORMS}/images.npy`, '--labels', `${FORMS}/labels.npy`];
const folder = scratch();
afterAll(() => folder.remove());

test('inspect groups the layers of an .onnx by its modules', async () => {
  const { code, stdout } = await igd(['inspect', `${FORMS}/layers.script.onnx`]);
  expect(code).toBe(0);
  expect(stdout).toContain(
    [
      '                stages.1',
      '                  stages.1.norm: normalisation, 32 units [4, 4, 32], layerAxis 3',
      '                  stages.1: block, 12 units [4, 4, 12], layerAxis 3',
    ].join('\n'),
  );
});

test('inspect takes what a file leaves open as flags', async () => {
  const refused = await igd(['inspect', `${FORMS}/open_size.onnx`]);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--image-size') });
  const sized = await igd(['inspect', `${FORMS}/open_size.onnx`, '--image-size', '16x24']);
  expect(sized.stdout).toContain('images        [3, 16, 24]');
  expect(await igd(['inspect', `${FORMS}/open_size.onnx`, '--image-size', '16x'])).toMatchObject({ code: 2 });
});

test.each([
  ['open_size', []],
  ['uint8', ['--input-range', '0..255']],
  ['features_first', ['--output', 'logits']],
])('predict of %s gives the logits of PyTorch', async (name, flags) => {
  const logits = folder.path(`${name}.npy`);
  const done = await igd(['predict', `${FORMS}/${name}.onnx`, ...DATA, ...flags, '--logits', logits]);
  expect(done).toMatchObject({ code: 0, stderr: '' });
  expect(largestError(golden(logits).data, golden(`${FORMS}/cnn.logits.npy`).data)).toBeLessThan(1e-5);
});

test('rank writes down which axis it took where that is not the first', async () => {
  const out = folder.path('r.json');
  const args = ['rank', `${FORMS}/layers.dynamo.onnx`, ...DATA, '--allow-degenerate', '--out', out, '--layer'];
  expect(await igd([...args, 'stages.1'])).toMatchObject({ code: 0 });
  expect(decodeRanking(readFileSync(out, 'utf8'), out)).toMatchObject({
    recipe: { layerAxis: 3 },
    scores: { units: 12 },
  });
  expect(await igd([...args, 'stem'])).toMatchObject({ code: 0 });
  expect(decodeRanking(readFileSync(out, 'utf8'), out).recipe).not.toHaveProperty('layerAxis');
});

test('validate refuses a layer whose axis nothing tells, and takes the one that is stated', async () => {
  const config = (changes: object) =>
    writeJson(
      folder.path('c.json'),
      smallConfig({
        checkpoint: { uri: `${FORMS}/layers.script.onnx` },
        dataset: {
          format: 'npy',
          ...{ test: `${FORMS}/images.npy`, testLabels: `${FORMS}/labels.npy` },
          ...{ probe: `${FORMS}/images.npy`, probeLabels: `${FORMS}/labels.npy` },
        },
        ...{ layer: 'blocks.0.attn.softmax', importantUnits: 2 },
        ...changes,
      }),
    );
  const refused = await igd(['validate', config({})]);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('say "layerAxis"') });
  const stated = await igd(['validate', config({ layerAxis: -1 })]);
  expect(stated).toMatchObject({ code: 0, stdout: expect.stringContaining('16 units along layerAxis 3') });
  const unnamed = { layer: undefined, layerAxis: 1, variants: ['none'] };
  expect(await igd(['validate', config(unnamed)])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('layerAxis: is of a layer: name it as "layer", or leave it out'),
  });
});
