import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../../src/errors.ts';
import { parseConfig } from '../../../src/schemas/parse-config.ts';
import { smallConfig } from '../../support/cli.ts';

const parse = (changes: Readonly<Record<string, unknown>> = {}) =>
  parseConfig(JSON.stringify(smallConfig(changes)), 'c.json');

function problem(changes: Readonly<Record<string, unknown>>): string {
  try {
    parse(changes);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('the config was accepted');
}

describe('run config', () => {
  test('fills in defaults and reads fractions', () => {
    const config = parse({ compute: undefined, suite: 'apgd' });
    expect(config).toMatchObject({
      temperature: 0.01,
      smoothing: null,
      examples: 'last',
      seed: 0,
      compute: { device: 'cpu', batchSize: 64, imagesPerShard: 32 },
      ranking: { signed: false, allowDegenerate: false },
    });
    expect(config.threat.epsilon).toBeCloseTo(8 / 255, 15);
    expect(parse({ threat: { norm: 'L2', epsilon: 0.5 } }).threat.epsilon).toBe(0.5);
    expect(parse({ smoothing: { sigma: '16 / 255' } }).smoothing).toEqual({ sigma: 16 / 255, samples: 1 });
  });

  test('a GPU is given hundreds of images at once, where nothing else is said', () => {
    const compute = (given: object) => parse({ compute: given }).compute;
    for (const device of ['cuda', 'webgpu'])
      expect(compute({ device })).toEqual({ device, batchSize: 512, imagesPerShard: 512 });
    const dataset = { format: 'imagefolder', test: 'val.tar', probe: 'train.tar' };
    expect(parse({ dataset, compute: { device: 'cuda' } }).compute).toMatchObject({
      batchSize: 64,
      imagesPerShard: 64,
    });
    expect(parse({ dataset, compute: {} }).compute).toMatchObject({ batchSize: 64, imagesPerShard: 32 });
    expect(compute({ device: 'cuda', batchSize: 64 })).toEqual({ device: 'cuda', batchSize: 64, imagesPerShard: 512 });
    expect(compute({ imagesPerShard: 100 })).toEqual({ device: 'cpu', batchSize: 64, imagesPerShard: 100 });
  });

  test('spells variants out', () => {
    const ids = (variants: unknown[]) => parse({ variants }).variants.map(({ id }) => id);
    expect(ids(['none', 'two-pass', 'loir', 'random'])).toEqual(['none', 'two-pass', 'loir', 'random']);
    expect(ids(['conf@0.85', { mask: 'conf', thresholds: [0.8, 0.9] }])).toEqual(['conf@0.85', 'conf@0.8', 'conf@0.9']);
  });

  test('takes CLIP as one file or as two, and a similarity by name or with numbers', () => {
    const cdir = (clip: unknown) => parse({ variants: ['cdir'], ranking: { clip } }).ranking.clip;
    const tokenizer = 'merges.txt';
    expect(cdir({ model: 'ViT-B-16.pt', tokenizer })).toMatchObject({
      model: 'ViT-B-16.pt',
      batchSize: 32,
      similarity: { name: 'soft_wpmi', topK: 100 },
    });
    expect(cdir({ image: 'v.onnx', text: 't.onnx', tokenizer, similarity: { name: 'wpmi', topK: 9 } })).toMatchObject({
      similarity: { name: 'wpmi', topK: 9, lambda: 0.6 },
    });
    expect(problem({ variants: ['cdir'] })).toContain('ranking.clip: is needed by variant cdir');
    expect(problem({ ranking: { clip: { model: 'a.pt' } } })).toContain('ranking.clip.tokenizer');
    expect(problem({ ranking: { clip: { model: 'a.pt', tokenizer, similarity: 'wmpi' } } })).toContain('ranking.clip');
    const numbers = { name: 'wpmi', pStart: 1 };
    expect(problem({ ranking: { clip: { model: 'a.pt', tokenizer, similarity: numbers } } })).toContain('pStart');
  });

  test('takes an audit, and says what is wrong with one', () => {
    expect(parse().audit).toBeUndefined();
    expect(parse({ audit: {} }).audit).toEqual({ suite: 'standard', halfWidth: 0.005, confidence: 0.95 });
    const own = { suite: [{ attack: 'apgd-t', targets: 3 }], halfWidth: 0.01, confidence: 0.9 };
    expect(parse({ audit: own }).audit).toMatchObject({ ...own, suite: [{ attack: 'apgd-t', targets: 3 }] });
    expect(problem({ audit: { halfWidth: 0.5 } })).toContain(
      'audit.halfWidth: is a share of all images, 0.1 at most: half a point is 0.005',
    );
    expect(problem({ audit: { halfWidth: 0 } })).toContain('audit.halfWidth');
    expect(problem({ audit: { confidence: 0.5 } })).toContain('audit.confidence');
    expect(problem({ audit: { confidence: 95 } })).toContain('audit.confidence: must be less than 1');
    expect(problem({ audit: { half: 0.005 } })).toContain('halfWidth');
    expect(problem({ audit: { suite: 'iw-wc' }, threat: { norm: 'L2', epsilon: 0.5 } })).toContain(
      'audit.suite: iw-wc is for Linf',
    );
    const elsewhere = { suite: [{ attack: 'apgd-ce', on: { variant: 'lior' } }] };
    expect(problem({ audit: elsewhere })).toContain('audit.suite: apgd-ce is made on "lior"');
  });

  test('knows which attacks are for a norm, and what they may be made on', () => {
    const l1 = { norm: 'L1', epsilon: 12 };
    expect(problem({ suite: ['rays'], threat: l1 })).toContain('rays is for Linf, not for L1');
    expect(problem({ suite: ['pgd'], threat: l1 })).toContain('pgd is for Linf and L2');
    expect(problem({ suite: 'iw-wc', threat: l1 })).toContain('iw-wc is for Linf');
    expect(problem({ suite: [{ attack: 'apgd-ce', multiEpsilon: true }] })).toContain('multiEpsilon is for L1');
    expect(parse({ suite: [{ attack: 'apgd-ce', multiEpsilon: true }], threat: l1 }).threat.norm).toBe('L1');
    const on = (variant: string) => ({ suite: [{ attack: 'apgd-ce', on: { variant } }], variants: ['loir'] });
    expect(problem(on('random'))).toContain('apgd-ce is made on "random", which is none of the variants: none, loir');
    expect(parse(on('none')).suite).toMatchObject([{ on: { variant: 'none' } }]);
    expect(problem({ suite: ['apgd-ce', 'apgd-ce'] })).toContain('give one of them another "name"');
  });

  test('needs no layer where nothing is masked', () => {
    expect(parse({ variants: ['none'], layer: undefined, importantUnits: undefined }).layer).toBeUndefined();
    expect(problem({ layer: undefined })).toContain('layer: is needed');
    expect(problem({ variants: ['two-pass'], layer: undefined })).toContain('layer: is needed');
  });

  test.each([
    [{ 'seed\u00a0': 1 }, 'c.json: unknown key "seed<U+00A0>"; the nearest known name is "seed"'],
    [{ treshold: 1 }, 'c.json: unknown key "treshold"; the nearest known name is "threshold'],
    [{ threat: { norm: 'Linf', epsilon: '8/255', eps: 1 } }, 'threat: unknown key "eps"'],
    [{ threat: { norm: 'Linf', epsilon: '8/255', eps: 1 } }, 'known are norm, epsilon'],
    [{ threat: { norm: 'Linf', epsilon: '8/0' } }, 'threat.epsilon: must be a number: nothing is divided by 0'],
    [{ threat: { norm: 'Linf', epsilon: 8 } }, 'in 8-bit steps write "8/255"'],
    [{ threat: { norm: 'Linf', epsilon: -1 } }, 'threat.epsilon'],
    [{ threat: { norm: 'L3', epsilon: 1 } }, 'threat.norm'],
    [{ variants: [] }, 'variants'],
    [{ variants: ['conf@1'] }, 'variants.0: is no known variant: use none'],
    [{ variants: [{ mask: 'conf', thresholds: [1.2] }] }, 'variants.0.thresholds.0'],
    [{ suite: 'apdg' }, 'suite'],
    [{ suite: [{ attack: 'apgd-ce', iteration: 3 }] }, 'iteration'],
    [{ suite: ['apgd-ce', 'apgd-ce'] }, 'names an attack twice'],
    [{ suite: [{ attack: 'apgd-ce', targets: 3 }] }, 'unknown key "targets": it cannot be combined'],
    [
      { suite: [{ attack: 'apgd-ce', on: { variants: 'none' } }] },
      'suite.0.on: unknown key "variants"; the nearest known name is "variant"',
    ],
    [{ suite: [{ attack: 'square', queries: 1e12 }] }, 'suite.0.queries: Too big'],
    [{ smoothing: { sigma: 0.1, samples: 1e9 } }, 'smoothing.samples: Too big'],
    [{ suite: [{ attack: 'apgd-ce', on: {} }] }, 'suite.0.on: names no model'],
    [{ checkpoint: { uri: 'x', normalize: { mean: [0.5], std: [0.2, 0.2] } } }, 'mean and std'],
    [{ checkpoint: { uri: 'x', sha256: 'abc' } }, 'checkpoint.sha256'],
    [{ name: 'a/b' }, 'name'],
    [{ compute: { batchSize: 0 } }, 'compute.batchSize'],
    [{ seed: 1.5 }, 'seed'],
    [{ allowChance: false }, 'allowChance: is true, or left out'],
    [{ normalize: { mean: [0], std: [1] } }, 'unknown key "normalize"'],
  ])('refuses %j', (changes, message) => {
    expect(problem(changes)).toContain(message);
  });

  describe('of image folders', () => {
    const folder = { format: 'imagefolder', test: 'val', probe: 'train' };

    test('says how images are read and which are taken', () => {
      const options = { preprocessing: 'Res256Crop224', testList: 'ids.txt', probeFraction: 0.1, probeSeed: 3 };
      expect(parse({ dataset: { ...folder, ...options } }).dataset).toEqual({ ...folder, ...options });
      expect(parse({ dataset: folder }).dataset).toEqual(folder);
    });

    test.each([
      [{ ...folder, preprocessing: 'Res225' }, 'dataset.preprocessing'],
      [{ ...folder, probeFraction: 0 }, 'dataset.probeFraction'],
      [{ ...folder, probeFraction: 1.1 }, 'dataset.probeFraction'],
      [{ ...folder, probeFraction: 0.1, probeImages: 5 }, 'another way to cut the probe set'],
      [{ ...folder, probeSeed: 1 }, 'dataset.probeSeed: needs dataset.probeFraction'],
      [{ ...folder, testLabels: 'y.npy' }, 'dataset.testLabels: is for format "npy" or "idx" only'],
      [{ ...folder, test: 's3://bucket/val/' }, 'tar -cf'],
      [{ ...folder, format: 'idx', test: 's3://bucket/mnist/', testLabels: 'y' }, 'give the file of images in it'],
      [
        { ...folder, format: 'idx', test: 's3://bucket/t10k-images-idx3-ubyte.gz' },
        'dataset.testLabels: is needed with format "idx"',
      ],
      [
        { ...folder, format: 'cifar10', preprocessing: 'Crop288' },
        'dataset.preprocessing: is for format "imagefolder"',
      ],
      [{ ...folder, format: 'cifar10', testList: 'ids.txt' }, 'dataset.testList: is for format "imagefolder"'],
    ])('refuses %j', (dataset, message) => {
      expect(problem({ dataset })).toContain(message);
    });

    test('a sample needs a probe set', () => {
      const dataset = { format: 'cifar10', test: 'test.bin', probeFraction: 0.1 };
      expect(problem({ dataset, variants: ['none'] })).toContain('dataset.probeFraction: needs dataset.probe');
    });
  });

  test('tells every problem at once', () => {
    expect(problem({ name: '', seed: -1, treshold: 1 }).split('\n')).toHaveLength(4);
  });

  test('says how a name is none', () => {
    expect(problem({ name: 'n'.repeat(101) })).toBe('c.json: name: is 101 characters long, at most 100 are possible');
    expect(problem({ name: 'a b' })).toContain('name: may hold letters, digits, ".", "_" and "-" only');
    expect(problem({ name: '' })).toContain('name: is empty');
    const attack = (name: string) => problem({ suite: [{ attack: 'apgd-ce', name }] });
    expect(attack('n'.repeat(61))).toContain('suite.0.name: is 61 characters long, at most 60');
    expect(attack('a/b')).toContain('suite.0.name: may hold letters, digits, ".", "_", "+" and "-" only');
  });

  test('has no key twice', () => {
    const text = JSON.stringify(smallConfig({ seed: 1 })).replace(/^\{/, '{"seed":2,');
    expect(() => parseConfig(text, 'c.json')).toThrow('c.json: "seed" stands twice, at line 1, column 2 and at');
  });

  test('is not JSON', () => {
    expect(() => parseConfig('{', 'c.json')).toThrow(/c\.json is not JSON/);
    expect(() => parseConfig('[]', 'c.json')).toThrow(ConfigError);
  });
});
