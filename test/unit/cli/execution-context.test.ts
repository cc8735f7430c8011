import { describe, expect, test } from 'vitest';
import { configOf } from '../../../src/cli/execution-context.ts';

const CONFIG = {
  name: 'tiny',
  checkpoint: { uri: 'model.pt' },
  dataset: { format: 'cifar10', test: 'test.bin' },
  variants: ['none'],
  threat: { norm: 'Linf', epsilon: '8/255' },
  suite: 'rapid',
};

const written = (compute?: object) => JSON.stringify({ ...CONFIG, ...(compute && { compute }) });

describe('a config on another device than it names', () => {
  test('is given the batches of that device', () => {
    const { config, source } = configOf(written(), 'config.json', 'cuda');
    expect(config.compute).toEqual({ device: 'cuda', batchSize: 512, imagesPerShard: 512 });
    expect(source.compute).toEqual({ device: 'cuda' });
    const back = configOf(written({ device: 'cuda' }), 'config.json', 'cpu');
    expect(back.config.compute).toEqual({ device: 'cpu', batchSize: 64, imagesPerShard: 32 });
  });

  test('keeps the batches that it states', () => {
    const { config, source } = configOf(written({ batchSize: 8, imagesPerShard: 16 }), 'config.json', 'webgpu');
    expect(config.compute).toEqual({ device: 'webgpu', batchSize: 8, imagesPerShard: 16 });
    expect(source.compute).toEqual({ device: 'webgpu', batchSize: 8, imagesPerShard: 16 });
  });

  test('is as it was written where no device is asked for', () => {
    expect(configOf(written(), 'config.json', undefined).source).toEqual(JSON.parse(written()));
  });
});
