import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { dataSpec } from '../../src/cli/options.ts';
import { openModel } from '../../src/index.ts';
import { igd } from '../support/cli.ts';

describe('igd zoo', () => {
  test('lists every model, with how it is read or why not', async () => {
    const { code, stdout } = await igd(['zoo']);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /cifar10\/Linf\/Carmon2019Unlabeled +89\.69 +59\.53 +WideResNet-28-10 +wide-resnet, activation relu/,
    );
    expect(stdout).toMatch(/Kang2021Stable .* not read: its last layers are a differential equation/);
    expect(stdout).toContain('206 models');
  });

  test('searches by words, all of which a model has', async () => {
    const { stdout } = await igd(['zoo', 'IMAGENET', 'mimir']);
    expect(stdout.split('\n').filter((line) => line.startsWith('imagenet/'))).toHaveLength(2);
    expect((await igd(['zoo', 'mimir', 'cifar10'])).stdout).toBe('no model of the zoo has mimir and cifar10\n');
  });

  test('writes JSON', async () => {
    const { stdout } = await igd(['zoo', 'Carmon', '--json']);
    expect(JSON.parse(stdout)).toMatchObject([
      {
        id: 'cifar10/Linf/Carmon2019Unlabeled',
        published: { clean: 89.69, robust: 59.53 },
        files: [{ file: 'cifar10/Linf/Carmon2019Unlabeled.pt' }],
      },
    ]);
  });
});

describe('--zoo', () => {
  test('says how a file is read', async () => {
    const file = 'examples/demo/shapes10-rn18-w8.pt';
    const { stdout } = await igd(['inspect', file, '--zoo', 'cifar10/Linf/Sehwag2021Proxy_R18']);
    expect(stdout).toContain("by the zoo's table: images in [0, 1], not normalised; epsilon 0.00001; activation relu");
    expect(stdout).not.toContain('assumed');
    const other = await igd(['inspect', file, '--zoo', 'cifar10/Linf/Sehwag2021Proxy_R181']);
    const onnx = 'test/fixtures/onnx/cnn.dynamic.opset16.onnx';
    const ofOthers = await igd(['inspect', onnx, '--zoo', 'cifar100/Linf/Addepalli2022Efficient_RN18']);
    expect([ofOthers.code, ofOthers.stderr]).toEqual([
      2,
      expect.stringMatching(/opset16\.onnx: has 10 classes, .* 100/),
    ]);
    await expect(openModel(readFileSync(onnx), { zoo: 'cifar100/Linf/Addepalli2022Efficient_RN18' })).rejects.toThrow(
      "model.onnx: has 10 classes, the zoo's model 100",
    );
    expect(other).toMatchObject({ code: 2, stdout: '' });
    expect(other.stderr).toContain('the nearest known is "cifar10/Linf/Sehwag2021Proxy_R18"');
  });

  test("brings ImageNet's preprocessing, unless another is given", () => {
    const flags = {
      data: 'val',
      format: 'imagefolder',
      zoo: 'imagenet/Linf/Salman2020Do_R50',
    } as const;
    expect(dataSpec(flags, 'test')).toMatchObject({ preprocessing: 'Res256Crop224' });
    expect(dataSpec({ ...flags, preprocessing: 'Crop288' }, 'test')).toMatchObject({ preprocessing: 'Crop288' });
  });
});
