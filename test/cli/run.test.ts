import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { reportSchema } from '../../src/schemas/report.ts';
import { type Finished, igd, scratch, smallConfig, writeJson } from '../support/cli.ts';
import { hasRequirement } from '../support/require.ts';

let folder: ReturnType<typeof scratch>;
beforeEach(() => {
  folder = scratch();
});
afterEach(() => folder.remove());

const run = (config: string, out: string) => ['run', config, '--out', out, '--rankings', folder.path('rankings')];
const report = (out: string) => reportSchema.parse(JSON.parse(readFileSync(`${out}/report.json`, 'utf8')));
const images = (out: string) => readFileSync(`${out}/images.csv`, 'utf8');

describe('igd run, as the small config has it', () => {
  const kept = scratch();
  const out = kept.path('undisturbed');
  const rankings = ['--rankings', kept.path('rankings')];
  const config = writeJson(kept.path('config.json'), smallConfig());
  let first: Finished;
  beforeAll(async () => {
    first = await igd(['run', config, '--out', out, ...rankings]);
  });
  afterAll(() => kept.remove());

  test('does a run, verifies it, and does nothing when started again', async () => {
    expect(first.stderr).not.toContain('igd:');
    expect(first.code).toBe(0);
    expect(first.stdout).toContain('report.html');
    const { variants, ranking } = report(out);
    expect(variants.map(({ id }) => id)).toEqual(['none', 'loir', 'conf@0.8', 'conf@0.9']);
    expect(ranking.methods.map(({ method }) => method)).toEqual(['loir']);
    for (const { clean, robust, worstCase } of variants) {
      expect(robust.correct).toBeLessThanOrEqual(clean.correct);
      expect(worstCase.correct).toBeLessThanOrEqual(robust.correct);
    }
    for (const file of ['report.csv', 'report.md', 'images.csv', 'report.html', 'ranking.loir.json']) {
      expect(existsSync(`${out}/${file}`), file).toBe(true);
    }
    expect(images(out).trim().split('\n')).toHaveLength(1 + 4 * 12);

    const before = readFileSync(`${out}/report.json`, 'utf8');
    const again = await igd(['run', config, '--out', out, ...rankings]);
    expect(again.code).toBe(0);
    expect(again.stdout).toContain('finished already');
    expect(readFileSync(`${out}/report.json`, 'utf8')).toBe(before);

    // A run has all that checking it takes, wherever it is copied to.
    const elsewhere = ['--rankings', folder.path('of-another-machine')];
    const verified = await igd(['verify', out, ...elsewhere]);
    expect(verified.code).toBe(0);
    expect(verified.stdout).toMatch(/all \d+ adversarial examples hold/);

    const rewritten = await igd(['report', out, ...elsewhere]);
    expect(rewritten.code).toBe(0);
    expect(readFileSync(`${out}/report.json`, 'utf8')).toBe(before);
  });

  // Of SIGKILL the harder case is below, within a shard.
  test.each<NodeJS.Signals>(hasRequirement('whole') ? ['SIGKILL', 'SIGINT'] : ['SIGINT'])(
    'goes on after %s and ends as if undisturbed',
    async (signal) => {
      const disturbed = folder.path('disturbed');
      const moments = [
        /"stage":"rank"/,
        /"stage":"evaluate","jobs":12,"jobsDone":2/,
        /"jobsDone":7/,
        /"stage":"transfer"/,
      ];
      // What is interrupted as late as the transfer may as well finish.
      for (const when of signal === 'SIGINT' ? moments.slice(0, 3) : moments) {
        const end = await igd(run(config, disturbed), { when, signal });
        expect(signal === 'SIGKILL' ? end.signal : end.code).toBe(signal === 'SIGKILL' ? 'SIGKILL' : 1);
        if (signal === 'SIGINT') expect(end.stderr).toContain('igd: interrupted');
      }
      expect((await igd(run(config, disturbed))).code).toBe(0);
      expect(images(disturbed)).toBe(images(out));
    },
  );
});

describe('igd run', () => {
  test('refuses another config in the same folder and leaves it as it was', async () => {
    const out = folder.path('out');
    const few = { variants: ['none'], suite: [{ attack: 'apgd-ce', iterations: 2 }] };
    expect((await igd(run(writeJson(folder.path('a.json'), smallConfig(few)), out))).code).toBe(0);
    const before = readFileSync(`${out}/plan.json`, 'utf8');
    const other = await igd(run(writeJson(folder.path('b.json'), smallConfig({ ...few, seed: 1 })), out));
    expect(other.code).toBe(2);
    expect(other.stderr).toContain('seed');
    expect(readFileSync(`${out}/plan.json`, 'utf8')).toBe(before);
  });

  test('goes on within a shard after SIGKILL, with the same numbers to the last evaluation', async () => {
    const long = smallConfig({
      variants: ['none'],
      suite: [{ attack: 'apgd-ce', iterations: 100, restarts: 25 }, { attack: 'square', queries: 2000 }, 'fab-t'],
      compute: { batchSize: 8, imagesPerShard: 12 },
    });
    const config = writeJson(folder.path('config.json'), long);
    expect((await igd(run(config, folder.path('undisturbed')))).code).toBe(0);
    const out = folder.path('disturbed');
    const state = `${out}/state/none/00000.bin`;
    const killed = await igd(run(config, out), { when: () => existsSync(state), signal: 'SIGKILL' });
    expect(killed.signal).toBe('SIGKILL');
    const resumed = await igd(run(config, out));
    expect(resumed.code).toBe(0);
    expect(images(out)).toBe(images(folder.path('undisturbed')));
    expect(existsSync(state)).toBe(false);
    const costs = (of: string) =>
      report(of).variants[0]?.attacks.map(({ attack, forwards, gradients }) => ({ attack, forwards, gradients }));
    expect(costs(out)).toEqual(costs(folder.path('undisturbed')));
  });

  test('gives the same images.csv for any batch size and sharding', async () => {
    const outcomes = [];
    const suite = [
      { attack: 'apgd-ce', iterations: 5, restarts: 2 },
      { attack: 'apgd-t', iterations: 5, targets: 3 },
      { attack: 'fab-t', iterations: 5, targets: 3 },
      { attack: 'square', queries: 60 },
    ];
    for (const compute of [
      { batchSize: 8, imagesPerShard: 4 },
      { batchSize: 5, imagesPerShard: 7 },
      { batchSize: 64, imagesPerShard: 64 },
    ]) {
      const out = folder.path(`out-${compute.batchSize}`);
      const config = writeJson(folder.path('config.json'), smallConfig({ variants: ['none', 'loir'], suite, compute }));
      expect((await igd(run(config, out))).code).toBe(0);
      outcomes.push(images(out));
    }
    expect(outcomes[1]).toBe(outcomes[0]);
    expect(outcomes[2]).toBe(outcomes[0]);
  });

  test('a smoothed run is randomised, reproducible and flagged', async () => {
    const variants = ['none', 'loir', 'two-pass', 'random'];
    const base = smallConfig({ variants, smoothing: { sigma: '8/255', samples: 2 } });
    const dataset = { ...Object(base.dataset), testImages: 6 };
    const config = writeJson(folder.path('config.json'), { ...base, dataset });
    const outs = [folder.path('a'), folder.path('b')];
    for (const out of outs) expect((await igd(run(config, out))).code).toBe(0);
    const [a, b] = outs.map(images);
    expect(a).toBe(b);
    expect(report(outs[0]!).variants[1]?.flags.length).toBeGreaterThan(0);
    const verified = await igd(['verify', outs[0]!, '--rankings', folder.path('rankings')]);
    expect(verified.code).toBe(0);
  });

  test('the worst case over attacks that run one by one is the minimum image by image', async () => {
    const on = { variant: 'none' };
    const suite = [
      { attack: 'apgd-ce', iterations: 5, name: 'own', group: 'own' },
      { attack: 'rays', queries: 60, group: 'rays' },
      { attack: 'apgd-ce', iterations: 10, eot: 3, name: 'eot', group: 'eot' },
      { attack: 'apgd-ce', iterations: 10, name: 'base.ce', group: 'base', on },
      { attack: 'apgd-t', iterations: 5, targets: 3, name: 'base.t', group: 'base', on },
      { attack: 'apgd-ce', iterations: 10, name: 'soft', group: 'soft', on: { temperature: 1 } },
      { attack: 'apgd-ce', iterations: 10, name: 'hard', group: 'hard', on: { mask: 'hard' } },
    ];
    const config = smallConfig({ variants: ['loir'], smoothing: { sigma: '8/255' }, suite });
    const out = folder.path('out');
    expect((await igd(run(writeJson(folder.path('c.json'), config), out))).code).toBe(0);
    const [variant] = report(out).variants;
    const rows = images(out)
      .trim()
      .split('\n')
      .slice(1)
      .map((row) => row.split(','));
    const held = (names: readonly string[]) =>
      rows.filter(
        ([, label, , clean, , , each = '']) => label === clean && !each.split(';').some((by) => names.includes(by)),
      );
    expect(variant?.robust.correct).toBe(held(suite.map(({ name, attack }) => name ?? attack)).length);
    for (const { group, robustAccuracy } of variant?.attacks.filter(({ attack }) => attack !== 'base.ce') ?? []) {
      const names = suite.filter((spec) => spec.group === group).map(({ name, attack }) => name ?? attack);
      expect(robustAccuracy).toBeCloseTo(held(names).length / rows.length, 12);
    }
    expect(variant?.robust.correct).toBeLessThan(variant?.clean.correct ?? 0);
    expect((await igd(['verify', out, '--rankings', folder.path('rankings')])).code).toBe(0);
  });

  test('verify catches an adversarial example that was tampered with', async () => {
    const few = { variants: ['none'], suite: [{ attack: 'apgd-ce', iterations: 5 }] };
    const out = folder.path('out');
    expect((await igd(run(writeJson(folder.path('c.json'), smallConfig(few)), out))).code).toBe(0);
    const file = readdirSync(`${out}/shards/none`).find(
      (name) => name.endsWith('.npy') && readFileSync(`${out}/shards/none/${name}`).length > 200,
    );
    const bytes = readFileSync(`${out}/shards/none/${file}`);
    bytes.writeFloatLE(0.999, bytes.length - 4);
    bytes.writeFloatLE(0.001, bytes.length - 8);
    writeFileSync(`${out}/shards/none/${file}`, bytes);
    const verified = await igd(['verify', out]);
    expect(verified.code).toBe(1);
    expect(verified.stdout).toContain('distance');
    writeFileSync(`${out}/shards/none/${file}`, bytes.subarray(0, 150));
    expect(await igd(['verify', out, '--quiet'])).toMatchObject({
      code: 1,
      stderr: `igd: shards/none/${file} is damaged: delete it and shards/none/${file?.replace('npy', 'json')} and run again\n`,
    });
  });
});
