import { afterAll, beforeAll, expect, test } from 'vitest';
import { igd, scratch, smallConfig, writeJson } from '../support/cli.ts';

const CHECKPOINT = 'examples/demo/shapes10-rn18-w8.pt';
const folder = scratch();
const ranking = folder.path('silu.json');
const read = (...facts: string[]) => facts.flatMap((fact) => ['--model', fact]);

beforeAll(async () => {
  const data = ['--data', 'examples/demo/train-200.bin', '--layer', 'layer4'];
  const { code, stderr } = await igd([
    ...['rank', CHECKPOINT, ...data, '--out', ranking],
    // It is no network of SiLU, as its BatchNorms say.
    ...read('activation=silu', 'testimony=flag'),
  ]);
  expect({ code }, stderr).toEqual({ code: 0 });
});
afterAll(() => folder.remove());

const predict = (options: readonly string[]) =>
  igd([
    ...['predict', CHECKPOINT, '--data', 'examples/demo/test-64.bin', '--first', '4'],
    ...['--ranking', ranking, '--layer', 'layer4', '--units', '12', ...options],
  ]);

test.each([
  [[], 'activation silu, not relu'],
  [read('activation=silu', 'epsilon=0.001'), 'epsilon 0.00001, not 0.001'],
  [
    [...read('activation=silu'), '--mean', '.5,.5,.5', '--std', '1,1,1'],
    'normalization none, not mean [0.5, 0.5, 0.5]',
  ],
])('a ranking of a model read otherwise is refused by igd predict with %j', async (options, message) => {
  const { code, stdout, stderr } = await predict(options);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(`${ranking} was made of this checkpoint read otherwise (${message}`);
});

test('one of a model read in the same way is taken, in whatever words', async () => {
  const { code, stderr } = await predict(read('activation=silu', 'epsilon=1e-5', 'normalization=none'));
  expect({ code }, stderr).toEqual({ code: 0 });
});

test('a run refuses it too', async () => {
  const config = writeJson(folder.path('config.json'), smallConfig({ ranking: { file: ranking } }));
  const { code, stderr } = await igd(['run', config, '--out', folder.path('out')]);
  expect(code).toBe(2);
  expect(stderr).toContain('read otherwise (activation silu, not relu): rank it as it is read here');
});

test('so does igd predict a ranking of another checkpoint', async () => {
  const { code, stderr } = await igd([
    ...['predict', 'test/fixtures/testimony/resnet-relu.pt', '--data', 'examples/demo/test-64.bin', '--first', '4'],
    ...['--ranking', ranking, '--layer', 'layer4', '--units', '12'],
  ]);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/ranks 64 units|was made for layer layer4 of checkpoint/)]);
});

test('a ranking of another kind than the variants that a run masks by it is refused, and by igd predict', async () => {
  const random = folder.path('random.json');
  const data = ['--data', 'examples/demo/train-200.bin', '--layer', 'layer4'];
  const ranked = await igd(['rank', CHECKPOINT, ...data, '--method', 'random', '--out', random]);
  expect({ code: ranked.code }, ranked.stderr).toEqual({ code: 0 });
  const config = (file: string, signed: boolean) =>
    writeJson(folder.path('kind.json'), smallConfig({ ranking: { file, signed }, model: { activation: 'silu' } }));
  const validated = await igd(['validate', config(random, false)]);
  expect([validated.code, validated.stderr]).toEqual([
    2,
    expect.stringContaining(`${random} holds a random ranking, and ranking.file is for variants loir and conf`),
  ]);
  expect((await igd(['validate', config(ranking, true)])).stderr).toContain('holds sizes of changes');
  const masked = (...mask: string[]) =>
    igd([
      ...['predict', CHECKPOINT, '--data', 'examples/demo/test-64.bin', '--first', '4', ...mask],
      ...['--ranking', random, '--layer', 'layer4', '--units', '12'],
    ]);
  for (const mask of ['loir', 'conf'])
    expect((await masked('--mask', mask)).stderr).toContain(`${random} holds a random ranking, --mask ${mask} is of`);
  expect(await masked()).toMatchObject({ code: 0 });
});
