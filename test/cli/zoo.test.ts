import { describe, expect, test } from 'vitest';
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
