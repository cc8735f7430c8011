import { describe, expect, test } from 'vitest';
import { namedInputs, withPaths } from '../../../src/schemas/input-paths.ts';
import { parseConfig } from '../../../src/schemas/parse-config.ts';
import { localise } from '../../../src/stores/open.ts';
import { smallConfig } from '../../support/cli.ts';

const written = smallConfig({
  variants: ['none', 'cdir'],
  ranking: { clip: { image: 'v.onnx', text: 't.onnx', tokenizer: 's3://b/merges.gz' }, classNames: 'names.txt' },
});
const config = parseConfig(JSON.stringify(written), 'c.json');

describe('files that a config names', () => {
  test('are found wherever they are', () => {
    expect(namedInputs(config).map(({ keys, path }) => [keys.join('.'), path])).toEqual([
      ['checkpoint.uri', 'examples/demo/shapes10-rn18-w8.pt'],
      ['dataset.test', 'examples/demo/test.bin'],
      ['dataset.probe', 'examples/demo/train.bin'],
      ['ranking.classNames', 'names.txt'],
      ['ranking.clip.image', 'v.onnx'],
      ['ranking.clip.text', 't.onnx'],
      ['ranking.clip.tokenizer', 's3://b/merges.gz'],
    ]);
  });

  test('can be put elsewhere, in the config as in the JSON it came from, and nothing else changes', () => {
    const moved = namedInputs(config).map(({ keys, path }) => ({ keys, path: `s3://bucket/${path}` }));
    const remote = withPaths(written, moved);
    expect(parseConfig(JSON.stringify(remote), 'c.json')).toEqual(withPaths(config, moved));
    expect(namedInputs(withPaths(config, moved)).every(({ path }) => path.startsWith('s3://bucket/'))).toBe(true);
    expect(withPaths(config, namedInputs(config))).toEqual(config);
    expect(namedInputs(config)[0]?.path).toBe('examples/demo/shapes10-rn18-w8.pt');
  });

  test('are left where they are if they are on this machine', async () => {
    const local = { ...config, ranking: { ...config.ranking, clip: undefined } };
    expect(await localise({ config: local })).toEqual({ config: local, versions: {} });
  });
});
