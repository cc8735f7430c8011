import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeNpy } from '../../src/numeric/npy.ts';
import { float32, int64 } from '../../src/numeric/tensor.ts';
import { float, GraphBuilder } from '../../src/onnx/builder.ts';
import { encodeModel } from '../../src/onnx/codec/model.ts';
import { reportSchema } from '../../src/schemas/report.ts';
import { igd, scratch, writeJson } from '../support/cli.ts';

const SIZE = 4;
const CLASSES = 3;

/** Logits are the means of the three channels, but the logarithm of a negative number where the first mean is above 0.7. */
function breakingModel(): Uint8Array {
  const builder = new GraphBuilder();
  const x = builder.input('x', [{ batch: 1 }, CLASSES, SIZE, SIZE]);
  // A convolution that changes nothing tells which axis holds the layer's units.
  const identity = builder.constant([1, 0, 0, 0, 1, 0, 0, 0, 1], [CLASSES, CLASSES, 1, 1]);
  const maps = builder.op('Conv', [x, identity]);
  const features = builder.op('LeakyRelu', [maps], { alpha: float(0.1) }, { outputs: ['features'] });
  const means = builder.op('ReduceMean', [features, builder.ints([2, 3])], { keepdims: 0 });
  const first = builder.op('Gather', [means, builder.ints([0])], { axis: 1 });
  const isHigh = builder.op('Greater', [first, builder.constant(0.7)]);
  const negative = builder.op('Sub', [builder.constant(0.7), first]);
  const logits = builder.op('Where', [isHigh, builder.op('Log', [negative]), means]);
  return encodeModel(builder.build([logits]));
}

const folder = scratch();
beforeAll(() => writeFileSync(folder.path('model.onnx'), breakingModel()));
afterAll(() => folder.remove());

/** Images of constant channels [r, g, b] as files for `--data` and `--labels`. */
function dataOf(name: string, images: readonly (readonly [number, number, number])[], labels: readonly number[]) {
  const values = images.flatMap((channels) => channels.flatMap((value) => Array<number>(SIZE * SIZE).fill(value)));
  const [x, y] = [folder.path(`${name}-x.npy`), folder.path(`${name}-y.npy`)];
  writeFileSync(x, encodeNpy(float32([images.length, CLASSES, SIZE, SIZE], values)));
  writeFileSync(y, encodeNpy(int64([labels.length], labels)));
  return { x, y, flags: ['--data', x, '--labels', y] };
}

const FEW = [
  [0.6, 0.1, 0.1],
  [0.8, 0.1, 0.1],
  [0.1, 0.6, 0.1],
] as const;

describe('igd predict', () => {
  test('names images without a prediction, which are wrong, and writes their logits', async () => {
    const { flags } = dataOf('few', FEW, [0, 0, 1]);
    const logits = folder.path('logits.npy');
    const { code, stdout } = await igd(['predict', folder.path('model.onnx'), ...flags, '--logits', logits]);
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      // Of the images that the proof looks at: these, and theirs near by.
      'note: 1 of 6 images have logits that are no numbers',
      '2 of 3 images right (66.7%)',
      '  note: no prediction, which is wrong, on image 1: logits are NaN or infinite',
      expect.stringMatching(/^ {2}not testified/),
      'assumed, not read from the file: images in [0, 1], not normalised',
      '',
    ]);
    expect(readFileSync(logits).length).toBeGreaterThan(4 * CLASSES * FEW.length);
  });

  test('fails where they are more than three', async () => {
    const { flags } = dataOf('many', Array(4).fill([0.8, 0.1, 0.1]), [0, 0, 0, 0]);
    const { code, stdout, stderr } = await igd(['predict', folder.path('model.onnx'), ...flags]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^igd: the model gives no prediction on images 0-3: logits are NaN or infinite.*\n$/);
  });
});

describe('labels that are no classes of the model', () => {
  test.each([
    ['predict', []],
    ['rank', ['--layer', 'features', '--out', folder.path('r.json')]],
  ])('are refused by igd %s', async (command, options) => {
    const { flags, y } = dataOf('labels', FEW, [0, 3, 1]);
    const { code, stderr } = await igd([command, folder.path('model.onnx'), ...flags, ...options]);
    expect([code, stderr]).toEqual([
      2,
      `igd: ${y} has label 3, of image 1, but the model has only 3 classes, numbered from 0: give the data it was trained for\n`,
    ]);
  });
});

test('a ranking with a score that is no number is refused by igd predict', async () => {
  const { flags } = dataOf('ranked', FEW, [0, 0, 1]);
  mkdirSync(folder.path('units'));
  for (const [unit, score] of [1, Number.NaN, 2].entries())
    writeFileSync(folder.path(`units/unit${unit}.npy`), encodeNpy(float32([CLASSES], [score, 1, 2])));
  const options = ['--ranking', folder.path('units'), '--layer', 'features', '--units', '1'];
  const { code, stderr } = await igd(['predict', folder.path('model.onnx'), ...flags, ...options]);
  expect([code, stderr]).toEqual([2, `igd: ${folder.path('units')} holds the score NaN, no number: rank again\n`]);
});

describe('igd analyze', () => {
  test('names images whose logits are no numbers', async () => {
    const { x, y } = dataOf('analysis', FEW, [0, 0, 1]);
    const config = {
      name: 'analysis',
      checkpoint: { uri: folder.path('model.onnx') },
      dataset: { format: 'npy', test: x, testLabels: y },
      layer: 'features',
      importantUnits: 1,
      variants: ['none'],
      threat: { norm: 'Linf', epsilon: '2/255' },
      suite: 'apgd',
      analysis: { ranking: 'random', attack: { attack: 'apgd-ce', iterations: 2 } },
      compute: { device: 'cpu' },
    };
    const path = writeJson(folder.path('analysis.json'), config);
    const options = ['--out', folder.path('analysis'), '--rankings', folder.path('rankings')];
    const { code, stderr } = await igd(['analyze', path, ...options]);
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(/activations or logits of the model are NaN or infinite on image 1, as they are: /);
  });
});

describe('igd run', () => {
  const run = async (name: string, images: Parameters<typeof dataOf>[1], labels: readonly number[]) => {
    const { x, y } = dataOf(name, images, labels);
    const config = {
      name,
      checkpoint: { uri: folder.path('model.onnx') },
      dataset: { format: 'npy', test: x, testLabels: y },
      variants: ['none'],
      threat: { norm: 'Linf', epsilon: '16/255' },
      suite: [{ attack: 'apgd-ce', iterations: 10 }],
      compute: { device: 'cpu', batchSize: 4, imagesPerShard: 2 },
    };
    const out = folder.path(`${name}-out`);
    return { out, ...(await igd(['run', writeJson(folder.path(`${name}.json`), config), '--out', out])) };
  };

  test('counts and flags a few images without a prediction', async () => {
    const { out, code, stderr } = await run('run-few', FEW, [0, 0, 1]);
    expect(code, stderr).toBe(0);
    const [none] = reportSchema.parse(JSON.parse(readFileSync(`${out}/report.json`, 'utf8'))).variants;
    expect(none).toMatchObject({ clean: { correct: 2 }, unpredicted: { clean: [1], attacked: [] } });
    expect(none?.flags.find(({ code }) => code === 'no-prediction')?.message).toContain('on image 1, counted as wrong');
    expect(readFileSync(`${out}/images.csv`, 'utf8')).toContain('\n1,0,none,,,\n');
  });

  test('ends where they are more than three, though no shard has as many', async () => {
    const images = [...Array(4).fill(FEW[1]), FEW[0]];
    const { code, stderr } = await run('run-many', images, [0, 0, 0, 0, 0]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/igd: variant none gives no prediction on images 0-3: /);
  });
});
