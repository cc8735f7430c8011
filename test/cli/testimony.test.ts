import { existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { reportSchema } from '../../src/schemas/report.ts';
import { igd, scratch, writeJson } from '../support/cli.ts';
import { ROOT } from '../support/markdown.ts';

let folder: ReturnType<typeof scratch>;
beforeEach(() => {
  folder = scratch();
});
afterEach(() => folder.remove());

const configOf = (model: object) =>
  writeJson(folder.path('config.json'), {
    name: 'testimony',
    checkpoint: { uri: `${ROOT}test/fixtures/testimony/resnet-silu.pt` },
    model,
    dataset: { format: 'cifar10', test: `${ROOT}examples/demo/test-64.bin` },
    variants: ['none'],
    threat: { norm: 'Linf', epsilon: 0.01 },
    suite: [{ attack: 'apgd-ce', iterations: 2 }],
  });

test('a reading that BatchNorms contradict is refused in a line with exit code 2, before anything is computed', async () => {
  const config = configOf({});
  for (const command of [
    ['validate', config],
    ['run', config, '--out', folder.path('out')],
  ]) {
    const { code, stderr } = await igd(command);
    expect(stderr, command[0]).toContain('Say "model": {"activation": "silu"}; or,');
    expect({ code, trace: /\n\s+at /.test(stderr) }).toEqual({ code: 2, trace: false });
  }
  expect(existsSync(folder.path('out/shards'))).toBe(false);
  const followed = await igd(['run', configOf({ activation: 'silu' }), '--out', folder.path('out')]);
  expect({ code: followed.code }, followed.stderr).toEqual({ code: 0 });
  const back = await igd(['run', configOf({}), '--out', folder.path('out')]);
  expect(back).toMatchObject({ code: 2, stderr: expect.stringContaining('this folder holds another run') });
});

test('predict and rank refuse it as well, and say what the BatchNorms say', async () => {
  const model = [`${ROOT}test/fixtures/testimony/resnet-silu.pt`, '--data', `${ROOT}examples/demo/test-64.bin`];
  const ranking = folder.path('ranking.json');
  for (const command of [
    ['predict', ...model],
    ['rank', ...model, '--method', 'loir', '--layer', 'layer4', '--out', ranking],
  ]) {
    const refused = await igd(command);
    expect(refused.stderr, command[0]).toContain('Say "model": {"activation": "silu"}; or,');
    expect(refused.code).toBe(2);
    expect(existsSync(ranking)).toBe(false);
    const { code, stdout, stderr } = await igd([...command, '--model', 'activation=silu']);
    expect({ code }, stderr).toEqual({ code: 0 });
    expect(stdout).toContain('testified by 12 BatchNorms on 64 images');
  }
  const flagged = await igd(['predict', ...model, '--model', 'testimony=flag']);
  expect(flagged).toMatchObject({ code: 0, stdout: expect.stringContaining('contradicted by 12 BatchNorms') });
});

test.each([
  [{ activation: 'silu' }, 'fits', []],
  [{ testimony: 'flag' }, 'contradicted', ['reading-not-borne-out']],
])('with %j the report says that the reading %s', async (model, outcome, flags) => {
  const { code, stderr } = await igd(['run', configOf(model), '--out', folder.path('out')]);
  expect({ code }, stderr).toEqual({ code: 0 });
  const report = reportSchema.parse(JSON.parse(readFileSync(folder.path('out/report.json'), 'utf8')));
  expect(report.checkpoint.testimony).toMatchObject({ outcome, norms: 12, images: 64 });
  expect(report.flags.map((flag) => flag.code).filter((one) => one === 'reading-not-borne-out')).toEqual(flags);
});
