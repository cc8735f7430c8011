import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { decodeModel } from '../../src/onnx/codec/model.ts';
import { igd, scratch, smallConfig, writeJson } from '../support/cli.ts';
import { golden, largestError, median, rowErrors } from '../support/golden.ts';
import { describeWithShared } from '../support/shared.ts';

let folder: ReturnType<typeof scratch>;
beforeEach(() => {
  folder = scratch();
});
afterEach(() => folder.remove());

const CHECKPOINT = 'examples/demo/shapes10-rn18-w8.pt';
const TEST = ['--data', 'examples/demo/test.bin', '--format', 'cifar10'];

describe('igd validate', () => {
  test('says what a config is', async () => {
    const { code, stdout } = await igd(['validate', 'examples/demo/config.json']);
    expect(code).toBe(0);
    expect(stdout).toContain('CIFAR ResNet-18, width 8');
    expect(stdout).toContain('conf@0.95');
  });

  test.each([
    ['an unknown key', { treshold: 1 }, 'unknown key "treshold"; the nearest known name is "threshold'],
    [
      'an unknown key further down',
      { compute: { batchsize: 3 } },
      'compute: unknown key "batchsize"; the nearest known name is "batchSize"',
    ],
    ['an unknown variant', { variants: ['lior'] }, 'variants.0'],
    ['a missing field', { threat: undefined }, 'threat'],
    ['too many units', { importantUnits: 65 }, 'importantUnits is 65, but layer4 has only 64 units'],
    ['an unknown layer', { layer: 'layer5' }, 'layer "layer5" is not in CIFAR ResNet-18'],
    ['a checkpoint that is not there', { checkpoint: { uri: 'nowhere.pt' } }, 'nowhere.pt'],
    ['another checksum', { checkpoint: { uri: CHECKPOINT, sha256: '0'.repeat(64) } }, 'SHA-256'],
    [
      'too many images',
      {
        dataset: {
          format: 'cifar10',
          test: 'examples/demo/test.bin',
          probe: 'examples/demo/train.bin',
          testImages: 501,
        },
      },
      '501',
    ],
    ['masks without probe images', { dataset: { format: 'cifar10', test: 'examples/demo/test.bin' } }, 'dataset.probe'],
    ['a variant twice', { variants: ['none', 'conf@0.8', { mask: 'conf', thresholds: [0.8] }] }, 'twice'],
  ])('refuses %s with exit code 2', async (_, changes, message) => {
    const config = writeJson(folder.path('config.json'), smallConfig(changes));
    const { code, stdout, stderr } = await igd(['run', config, '--out', folder.path('out')]);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(existsSync(folder.path('out'))).toBe(false);
  });

  test('is the same in YAML, and in JSON with comments as PowerShell writes it', async () => {
    const config = smallConfig();
    const files = [
      writeJson(folder.path('config.json'), config),
      folder.path('config.yaml'),
      folder.path('config.jsonc'),
    ];
    writeFileSync(files[1]!, `# eps as the paper has it\n${stringify(config)}`);
    writeFileSync(files[2]!, `\ufeff// eps as the paper has it\n${JSON.stringify(config)}`, 'utf16le');
    const planned = files.map((file) => igd(['plan', file, '--json', '--calibrate-seconds', '0', '--workers', '1']));
    const [json, ...others] = await Promise.all(planned);
    expect(json).toMatchObject({ code: 0, stderr: '' });
    expect(others).toEqual([json, json]);
  });

  test('refuses a key that stands twice before it writes anything', async () => {
    writeFileSync(folder.path('config.yaml'), 'name: a\nseed: 1\nseed: 2\n');
    expect(await igd(['run', folder.path('config.yaml'), '--out', folder.path('out')])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: `igd: ${folder.path('config.yaml')}: "seed" stands twice, at line 2, column 1 and at line 3, column 1: leave one out\n`,
    });
    expect(existsSync(folder.path('out'))).toBe(false);
  });

  test('names a misspelt command and option', async () => {
    expect(await igd(['rnu'])).toMatchObject({ code: 2 });
    expect(await igd(['run', 'x.json', '--uot', 'y'])).toMatchObject({ code: 2 });
    expect(await igd(['--help'])).toMatchObject({ code: 0 });
    expect((await igd(['help', 'run'])).stdout).toContain('igd run [options] <config>');
  });
});

describe('igd rank, predict, import, inspect', () => {
  const demo = [CHECKPOINT, '--data', 'examples/demo/test.bin', '--format', 'cifar10'];

  test.each([
    ['a defence without its ranking', ['predict', ...demo, '--mask', 'conf'], '--mask needs --ranking'],
    ['a seed that is none', ['predict', ...demo, '--seed', 'abc'], 'give a whole number from 0'],
    [
      'CLIP where nobody looks at it',
      ['rank', ...demo, '--layer', 'layer4', '--out', 'r.json', '--clip', 'x'],
      '--method cdir',
    ],
    ...(
      [
        [
          'a threshold of no mask',
          ['predict', ...demo, '--ranking', 'r.json', '--threshold', '0.9'],
          '--threshold is of --mask conf',
        ],
        [
          'samples of no noise',
          ['predict', ...demo, '--ranking', 'r.json', '--samples', '4'],
          '--samples is of the noise that --sigma adds',
        ],
        ['a seed of nothing random', ['predict', ...demo, '--seed', '1'], '--seed needs --ranking'],
        [
          'signs of another method',
          ['rank', ...demo, '--layer', 'layer4', '--out', 'r.json', '--method', 'random', '--signed'],
          '--signed is of --method loir',
        ],
        [
          'a seed of no sample',
          ['predict', ...demo, '--fraction-seed', '1'],
          '--fraction-seed is of the sample that --fraction draws',
        ],
        [
          'labels of a format that has its own',
          ['predict', ...demo, '--labels', 'y.npy'],
          '--labels goes with --format npy or idx',
        ],
        [
          'a preprocessing of no folder',
          ['predict', ...demo, '--preprocessing', 'Res224'],
          '--preprocessing goes with --format imagefolder',
        ],
      ] as const
    ).map(([what, args, message]) => [what, [...args], message] as [string, string[], string]),
    ['a file as a folder', ['verify', CHECKPOINT], 'is a file: give a folder'],
    ['a folder below a file', ['verify', `${CHECKPOINT}/run`], 'is a file: give a folder'],
    ['a folder as a config', ['validate', 'examples'], 'examples is a folder: give a file'],
  ])('refuses %s with exit code 2', async (_, args, message) => {
    const { code, stderr } = await igd(args);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd()).not.toContain('\n');
    expect(code).toBe(2);
  });

  test('submit refuses what a bucket could not hold before it uploads anything', async () => {
    const config = writeJson(
      folder.path('config.json'),
      smallConfig({ dataset: { format: 'idx', test: 't10k-images-idx3-ubyte' }, variants: ['none'] }),
    );
    const { code, stderr } = await igd(['submit', config]);
    expect(stderr).toContain('dataset.testLabels: is needed with format "idx" where the images are in a bucket');
    expect(code).toBe(2);
  });

  test('rank writes a ranking that predict masks with, as PyTorch does', async () => {
    const ranking = folder.path('ranking.json');
    const ranked = await igd([
      'rank',
      CHECKPOINT,
      '--data',
      'examples/demo/train.bin',
      '--format',
      'cifar10',
      '--layer',
      'layer4',
      '--method',
      'loir',
      '--images',
      '200',
      '--out',
      ranking,
      '--export-npy',
      folder.path('units'),
    ]);
    expect(ranked).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(folder.path('units'))).toHaveLength(64);
    const expected = golden('test/fixtures/shapes10/layer4.scores.npy').data;
    const unit = golden(join(folder.path('units'), 'unit63.npy'));
    expect(largestError(unit.data, expected.slice(630))).toBeLessThan(1e-3);

    const defended = ['--layer', 'layer4', '--units', '12'];
    for (const source of [ranking, folder.path('units')]) {
      const [logits, gradient] = [folder.path('logits.npy'), folder.path('gradient.npy')];
      const args = [
        'predict',
        CHECKPOINT,
        ...TEST,
        '--first',
        '4',
        '--ranking',
        source,
        ...defended,
        '--logits',
        logits,
        '--gradient',
        gradient,
      ];
      expect(await igd(args)).toMatchObject({ code: 0 });
      expect(
        largestError(golden(logits).data, golden('test/fixtures/shapes10/layer4.loir.logits.npy').data.slice(0, 40)),
      ).toBeLessThan(1e-4);
      const errors = rowErrors(
        golden(gradient).data,
        golden('test/fixtures/shapes10/layer4.loir.gradient.npy').data,
        4,
      );
      expect(median(errors)).toBeLessThan(1e-3);
    }
    const conf = folder.path('conf.npy');
    const args = ['--mask', 'conf', '--threshold', '.5', '--temperature', '1', '--logits', conf];
    expect(
      await igd(['predict', CHECKPOINT, ...TEST, '--first', '16', '--ranking', ranking, ...defended, ...args]),
    ).toMatchObject({ code: 0 });
    expect(largestError(golden(conf).data, golden('test/fixtures/shapes10/layer4.conf.logits.npy').data)).toBeLessThan(
      1e-4,
    );
  });

  test('a ranking on too few classes is refused unless allowed', async () => {
    const args = [
      'rank',
      CHECKPOINT,
      '--data',
      'examples/demo/train.bin',
      '--layer',
      'layer4',
      '--images',
      '2',
      '--out',
      folder.path('r.json'),
    ];
    const refused = await igd(args);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain('degenerate');
    expect(existsSync(folder.path('r.json'))).toBe(false);
    expect(await igd([...args, '--allow-degenerate'])).toMatchObject({ code: 0 });
  });

  test('import writes graphs that can be read again', async () => {
    const out = folder.path('m.onnx');
    expect(await igd(['import', CHECKPOINT, '--out', out, '--layer', 'layer4', '--gradient'])).toMatchObject({
      code: 0,
    });
    const { graph } = decodeModel(readFileSync(out), out);
    expect(graph.inputs.map(({ name }) => name)).toEqual(['x', 'cotangent']);
    expect(graph.outputs.map(({ name }) => name)).toEqual(['logits', 'gradient', 'features']);
    expect(await igd(['import', CHECKPOINT, '--out', folder.path('plain.onnx')])).toMatchObject({ code: 0 });
    const inspected = await igd(['inspect', folder.path('plain.onnx'), '--json']);
    expect(JSON.parse(inspected.stdout)).toMatchObject({ classes: 10, missingGradients: [] });
  });

  test('inspect names layers, units and classes', async () => {
    const { code, stdout } = await igd(['inspect', CHECKPOINT]);
    expect(code).toBe(0);
    expect(stdout).toContain('layer4: 64 units');
    expect(stdout).toContain('classes       10');
  });

  test('a file that is no checkpoint is one line and exit code 2', async () => {
    const path = folder.path('x.pt');
    writeFileSync(path, '<!DOCTYPE html><html>quota exceeded</html>');
    const { code, stdout, stderr } = await igd(['inspect', path]);
    expect({ code, stdout, lines: stderr.trim().split('\n').length }).toEqual({ code: 2, stdout: '', lines: 1 });
  });
});

describeWithShared('hostile and broken checkpoints', (reference) => {
  const files = readdirSync(join(reference, 'checkpoints')).filter((name) => /^(hostile|broken|other)/.test(name));

  test.each(files)('%s: exit code 2, one line, nothing executed or written', async (file) => {
    const path = join(reference, 'checkpoints', file);
    const config = writeJson(folder.path('config.json'), smallConfig({ checkpoint: { uri: path } }));
    for (const args of [
      ['inspect', path],
      ['import', path, '--out', folder.path('m.onnx')],
      ['run', config, '--out', folder.path('out')],
    ]) {
      const { code, stdout, stderr } = await igd(args);
      expect(code, stderr).toBe(2);
      expect(stdout).toBe('');
      expect(stderr.trim().split('\n'), stderr).toHaveLength(1);
    }
    expect(readdirSync(folder.dir)).toEqual(['config.json']);
    expect(existsSync('PWNED-BY-PICKLE')).toBe(false);
  });
});
