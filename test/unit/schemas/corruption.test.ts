import { expect, test } from 'vitest';
import { ConfigError } from '../../../src/errors.ts';
import { corruptionOf, corruptionText } from '../../../src/schemas/corruption.ts';
import { parseConfig } from '../../../src/schemas/parse-config.ts';
import { smallConfig } from '../../support/cli.ts';

test.each([
  ['npy', 'CIFAR-10-C/gaussian_noise.npy', 3, 'corruption gaussian_noise, severity 3'],
  ['npy', 's3://b/up/fog.npy?versionId=x1', undefined, 'corruption fog'],
  ['npy', 'fog.npy', undefined, 'corruption fog'],
  ['npy', 'mine.npy', 2, 'a corruption, severity 2'],
  ['npy', 'mine.npy', undefined, undefined],
  ['imagefolder', 'ImageNet-C/glass_blur/5/', undefined, 'corruption glass_blur, severity 5'],
  ['imagefolder', 's3://b/ImageNet-C/snow/1.tar', undefined, 'corruption snow, severity 1'],
  ['imagefolder', 'imagenet/val', undefined, undefined],
  ['imagefolder', 'fog/6', undefined, undefined],
  ['cifar10', 'fog.npy/3', undefined, undefined],
] as const)('%s %s with severity %s is %s', (format, path, severity, text) => {
  const found = corruptionOf({ format, test: path, severity });
  expect(found && corruptionText(found)).toBe(text);
});

const parse = (dataset: object) => parseConfig(JSON.stringify(smallConfig({ variants: ['none'], dataset })), 'c.json');
const ARRAYS = { format: 'npy', test: 'fog.npy', testLabels: 'labels.npy' };

test('a severity is 1 to 5, and of arrays', () => {
  expect(parse({ ...ARRAYS, severity: 5 }).dataset.severity).toBe(5);
  expect(parse(ARRAYS).dataset).not.toHaveProperty('severity');
  for (const severity of [0, 6, 1.5, 'all']) expect(() => parse({ ...ARRAYS, severity })).toThrow(ConfigError);
  expect(() => parse({ format: 'imagefolder', test: 'fog/3', severity: 3 })).toThrow(
    'dataset.severity: is for format "npy" only',
  );
});

test('published accuracies on clean images do not stand beside those on corrupted ones', () => {
  const checkpoint = { uri: 'model.pt', zoo: 'cifar10/corruptions/Modas2021PRIMEResNet18' };
  const of = (dataset: object) =>
    parseConfig(JSON.stringify(smallConfig({ variants: ['none'], checkpoint, dataset })), 'c.json').published;
  expect(of(ARRAYS)).toMatchObject({
    variants: {},
    note:
      'Of clean images 93.06% were published right; ours are corrupted. ' +
      'Its leaderboard is of common corruptions: 89.05% right on average.',
  });
  expect(of({ ...ARRAYS, test: 'test.npy' })?.variants).toEqual({ none: { clean: 93.06 } });
});
