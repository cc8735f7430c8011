import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeNpy } from '../../src/numeric/npy.ts';
import { float32, int64 } from '../../src/numeric/tensor.ts';
import { float, GraphBuilder } from '../../src/onnx/builder.ts';
import { encodeModel } from '../../src/onnx/codec/model.ts';
import { reportSchema } from '../../src/schemas/report.ts';
import { igd, scratch, writeJson } from '../support/cli.ts';

/** The logit of a class is 8 times the mean of its channel in a noisy image: the first images are near the boundary, the last far from it. */
function noisyModel(): Uint8Array {
  const builder = new GraphBuilder();
  const x = builder.input('x', [{ batch: 1 }, 3, 4, 4]);
  const [kernel, bias] = [Float32Array.from([8, 0, 0, 0, 8, 0, 0, 0, 8]), new Float32Array(3)];
  const weights = builder.initializer('w', float32([3, 3, 1, 1], kernel));
  const conv = builder.op('Conv', [x, weights, builder.initializer('b', float32([3], bias))]);
  const pooled = builder.op('ReduceMean', [conv, builder.ints([2, 3])], { keepdims: 0 });
  const z = builder.op('Identity', [pooled], {}, { outputs: ['z'] });
  const model = builder.build([z], 'noisy');
  const nodes = [
    {
      op: 'RandomNormalLike',
      domain: '',
      name: 'noise',
      inputs: ['x'],
      outputs: ['n'],
      attributes: { scale: float(0.05) },
    },
    { op: 'Add', domain: '', name: 'add', inputs: ['x', 'n'], outputs: ['v'], attributes: {} },
    ...model.graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map((name) => (name === 'x' ? 'v' : name)) })),
  ];
  return encodeModel({ ...model, graph: { ...model.graph, nodes } });
}

const folder = scratch();
beforeAll(() => {
  const values = Float32Array.from({ length: 9 * 48 }, (_, i) => {
    const [image, channel] = [Math.floor(i / 48), Math.floor((i % 48) / 16)];
    return 0.5 + (channel === image % 3 ? 0.04 + 0.02 * image : 0);
  });
  writeFileSync(folder.path('noisy.onnx'), noisyModel());
  writeFileSync(folder.path('x.npy'), encodeNpy(float32([9, 3, 4, 4], values)));
  writeFileSync(
    folder.path('y.npy'),
    encodeNpy(
      int64(
        [9],
        Array.from({ length: 9 }, (_, image) => image % 3),
      ),
    ),
  );
});
afterAll(() => folder.remove());

const config = (name: string, changes: object) =>
  writeJson(folder.path(`${name}.json`), {
    name,
    checkpoint: { uri: folder.path('noisy.onnx') },
    dataset: { format: 'npy', test: folder.path('x.npy'), testLabels: folder.path('y.npy') },
    variants: ['none'],
    threat: { norm: 'Linf', epsilon: '8/255' },
    suite: [
      { attack: 'apgd-ce', iterations: 10, eot: 4 },
      { attack: 'square', queries: 50 },
    ],
    ...changes,
  });

async function imagesOf(name: string, changes: object): Promise<{ images: string; report: string }> {
  const done = await igd(['run', config(name, changes), '--out', folder.path(name)]);
  expect(done).toMatchObject({ code: 0 });
  const read = (file: string) => readFileSync(folder.path(`${name}/${file}`), 'utf8');
  return { images: read('images.csv'), report: read('report.md') };
}

test('a model that draws is attacked the same whatever the shards and the batch, and verified with the draws it was broken with', async () => {
  const whole = await imagesOf('whole', { compute: { batchSize: 9, imagesPerShard: 9 } });
  const cut = await imagesOf('cut', { compute: { batchSize: 2, imagesPerShard: 4 } });
  expect(cut.images).toBe(whole.images);
  const broken = whole.images.split('\n').filter((line) => /apgd-ce|square/.test(line)).length;
  expect(broken).toBeGreaterThan(1);
  expect(broken).toBeLessThan(10);
  const quantised = (name: string) =>
    reportSchema.parse(JSON.parse(readFileSync(folder.path(`${name}/report.json`), 'utf8'))).variants[0]?.quantised;
  // The images are no bytes, and examples as files meet the same draws.
  expect(quantised('whole')).toMatchObject({ bits: 8, examples: broken, offGrid: broken });
  expect(quantised('cut')).toEqual(quantised('whole'));
  const verified = await igd(['verify', folder.path('whole'), '--quantise', '8', '--json']);
  expect(verified).toMatchObject({ code: 0 });
  expect(JSON.parse(verified.stdout).quantised[0].quantised).toEqual(quantised('whole'));
});

test('without gradients averaged over draws the report flags it', async () => {
  const { report } = await imagesOf('plain', { suite: [{ attack: 'apgd-ce', iterations: 2 }] });
  expect(report).toMatch(/random/);
});

test('predict says that it draws, to people and to programs', async () => {
  const args = ['predict', folder.path('noisy.onnx'), '--data', folder.path('x.npy'), '--labels', folder.path('y.npy')];
  const draws = expect.stringContaining('it draws random numbers (RandomNormalLike)');
  expect(await igd(args)).toMatchObject({ code: 0, stdout: draws });
  const { stdout } = await igd([...args, '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ notes: [{ code: 'model', message: draws }] });
});

test('masks of a model that draws are refused before anything is done', async () => {
  const dataset = {
    format: 'npy',
    ...Object.fromEntries(
      ['test', 'probe'].flatMap((split) => [
        [split, folder.path('x.npy')],
        [`${split}Labels`, folder.path('y.npy')],
      ]),
    ),
  };
  const masked = config('masked', { dataset, layer: 'v', variants: ['none', 'loir'], importantUnits: 1 });
  const { code, stderr } = await igd(['validate', masked]);
  expect(code).toBe(2);
  expect(stderr).toContain('noisy.onnx draws random numbers, and the config masks its units: evaluate it as it is');
});
