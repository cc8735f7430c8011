import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { analysisReportSchema } from '../../src/schemas/analysis.ts';
import { igd, scratch, smallConfig, writeJson } from '../support/cli.ts';
import { checkWellFormed } from '../unit/report/well-formed.ts';

let folder: ReturnType<typeof scratch>;
beforeEach(() => {
  folder = scratch();
});
afterEach(() => folder.remove());

const analyze = (config: string, out: string) => [
  'analyze',
  config,
  '--out',
  out,
  '--rankings',
  folder.path('rankings'),
];
const reportOf = (out: string) => analysisReportSchema.parse(JSON.parse(readFileSync(`${out}/analysis.json`, 'utf8')));
const configOf = (changes: Readonly<Record<string, unknown>> = {}) =>
  smallConfig({
    analysis: { attack: { attack: 'apgd-ce', iterations: 8 }, lossSurface: { images: [1, 10], points: 5 } },
    ...changes,
  });

describe('igd analyze', () => {
  test('goes on where it was interrupted, and says the same as if undisturbed', async () => {
    const config = writeJson(folder.path('config.json'), configOf());
    const whole = await igd(analyze(config, folder.path('whole')));
    expect(whole.stderr).not.toContain('igd:');
    expect(whole.code).toBe(0);
    expect(whole.stdout).toMatch(/post-attack class +[−\d]/);

    const out = folder.path('out');
    const stopped = await igd(analyze(config, out), {
      when: /"stage":"shift","jobs":3,"jobsDone":1/,
      signal: 'SIGINT',
    });
    expect(stopped.code).toBe(1);
    expect(stopped.stderr).toContain('igd: interrupted');
    expect(existsSync(`${out}/analysis.json`)).toBe(false);
    const [done = ''] = readdirSync(`${out}/shift`).filter((name) => name.endsWith('.json'));
    const before = statSync(`${out}/shift/${done}`).mtimeMs;
    expect((await igd(analyze(config, out))).code).toBe(0);
    expect(statSync(`${out}/shift/${done}`).mtimeMs).toBe(before);

    const files = readdirSync(out).filter((name) => /\.(json|csv|svg|html)$/.test(name));
    expect(files).toEqual(
      expect.arrayContaining(['analysis.html', 'analysis.json', 'shift-images.csv', 'shift.csv', 'shift.svg']),
    );
    expect(files.filter((name) => name.startsWith('surface-'))).toHaveLength(2 * 4);
    for (const name of files) {
      const text = readFileSync(`${out}/${name}`, 'utf8');
      expect(text, name).toBe(readFileSync(`${folder.path('whole')}/${name}`, 'utf8'));
      if (name.endsWith('.html')) expect(checkWellFormed(text, new Set(['meta', 'br']))).toEqual([]);
      if (name.endsWith('.svg')) expect(checkWellFormed(text), name).toEqual([]);
    }

    const { shift, surfaces, attacked, images, checkpoint, proofs } = reportOf(out);
    expect(checkpoint.testimony).toMatchObject({ outcome: 'fits', norms: 20 });
    expect(checkpoint.reading).toContainEqual({ key: 'activation', value: 'relu', source: 'assumed' });
    expect(Object.keys(proofs ?? {})).toEqual(['none', 'loir', 'conf@0.8', 'conf@0.9']);
    expect(proofs?.none?.checks.map(({ check }) => check)).toContain('central differences');
    expect(whole.stdout).toContain('assumed, not read from the file: images in [0, 1], not normalised');
    expect(images).toBe(12);
    expect(shift.successful.images + shift.unsuccessful.images).toBe(attacked);
    expect(shift.successful.images).toBeGreaterThan(0);
    expect(readFileSync(`${out}/shift-images.csv`, 'utf8').trim().split('\n')).toHaveLength(1 + attacked);
    expect(surfaces.map(({ variant, image }) => `${variant} ${image}`)).toEqual([
      ...['none 1', 'loir 1', 'conf@0.8 1', 'conf@0.9 1'],
      ...['none 10', 'loir 10', 'conf@0.8 10', 'conf@0.9 10'],
    ]);
  });

  test('finds the same adversarial predictions as a run of the same attack, whatever the batch and the shards', async () => {
    const attack = { attack: 'apgd-ce', iterations: 8 };
    const changes = { analysis: { attack }, variants: ['none'] };
    const ran = writeJson(folder.path('run.json'), configOf({ ...changes, suite: [attack] }));
    expect((await igd(['run', ran, '--out', folder.path('run'), '--rankings', folder.path('rankings')])).code).toBe(0);
    const lines = readFileSync(`${folder.path('run')}/images.csv`, 'utf8')
      .trim()
      .split('\n')
      .slice(1);
    const broken = lines.map((line) => line.split(',')).filter(([, , , , by]) => by !== '');
    const texts = [];
    for (const compute of [
      { batchSize: 8, imagesPerShard: 4 },
      { batchSize: 3, imagesPerShard: 12 },
    ]) {
      const config = writeJson(folder.path('config.json'), configOf({ ...changes, compute }));
      const out = folder.path(`out-${compute.batchSize}`);
      expect((await igd(analyze(config, out))).code).toBe(0);
      texts.push(readFileSync(`${out}/shift-images.csv`, 'utf8'));
    }
    const [first = '', second] = texts.map((text) =>
      text
        .trim()
        .split('\n')
        .map((line) => line.split(',').slice(0, 4)),
    );
    expect(second).toEqual(first);
    const successful = [...first].filter(([, , , outcome]) => outcome === 'successful');
    expect(successful.map(([image, , prediction]) => [image, prediction])).toEqual(
      broken.map(([image, , , , , prediction]) => [image, prediction]),
    );
  });

  test('asks the BatchNorms also where its ranking was there before', async () => {
    const checkpoint = 'test/fixtures/testimony/resnet-silu.pt';
    const rank = ['rank', checkpoint, '--data', 'examples/demo/train-200.bin', '--layer', 'layer4', '--units', '12'];
    const file = folder.path('r.json');
    expect((await igd([...rank, '--out', file, '--model', 'testimony=flag'])).code).toBe(0);
    const analysis = { attack: { attack: 'apgd-ce', iterations: 2 } };
    const changes = { checkpoint: { uri: checkpoint }, ranking: { file }, variants: ['none', 'loir'], analysis };
    const refused = await igd(analyze(writeJson(folder.path('config.json'), configOf(changes)), folder.path('out')));
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('Say "model": {"activation": "silu"}') });
  });

  test('refuses bad input with code 2, and writes nothing', async () => {
    const out = folder.path('out');
    const far = writeJson(folder.path('far.json'), configOf({ analysis: { lossSurface: { images: [99] } } }));
    const refused = await igd(analyze(far, out));
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('there is no image 99');
    const unknown = writeJson(folder.path('unknown.json'), configOf({ analysis: { atack: 'apgd-ce' } }));
    expect((await igd(analyze(unknown, out))).stderr).toContain('the nearest known name is "attack"');
    expect(existsSync(out)).toBe(false);
  });
});
