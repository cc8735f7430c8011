import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parameterSweepReportSchema } from '../../src/schemas/parameter-sweep.ts';
import { reportSchema } from '../../src/schemas/report.ts';
import { igd, igdReusing, scratch, smallConfig, writeJson } from '../support/cli.ts';
import { checkWellFormed } from '../unit/report/well-formed.ts';

let folder: ReturnType<typeof scratch>;
beforeEach(() => {
  folder = scratch();
});
afterEach(() => folder.remove());

const run = (config: string, out: string) => ['run', config, '--out', out, '--rankings', folder.path('rankings')];
const read = (path: string) => readFileSync(path, 'utf8');
const small = { variants: ['none', 'loir'], suite: [{ attack: 'apgd-ce', iterations: 4 }] };
const fourImages = (changes: Readonly<Record<string, unknown>>) => {
  const config = smallConfig({ ...small, compute: { batchSize: 4, imagesPerShard: 2 }, ...changes });
  return { ...config, dataset: { ...Object(config.dataset), testImages: 4 } };
};

describe('igd run on a parameter sweep', () => {
  test('does a run for each value, none of the work twice, and goes on after an interruption', async () => {
    const config = writeJson(folder.path('config.json'), fourImages({ sweep: { importantUnits: [6, 24] } }));
    const out = folder.path('out');
    // The second run has begun: of its four shards, the two of none are there already.
    const when = /"stage":"transfer".*"stage":"evaluate","jobs":4,"jobsDone":2,/s;
    const stopped = await igdReusing(run(config, out), { when, signal: 'SIGINT' });
    expect(stopped.code).toBe(1);
    expect(stopped.stderr).toContain('igd: interrupted');
    expect(existsSync(`${out}/sweep.json`)).toBe(false);
    const first = `${out}/importantUnits=6`;
    const before = statSync(`${first}/report.json`).mtimeMs;

    const finished = await igdReusing(run(config, out));
    expect(finished.stderr).not.toContain('igd:');
    expect(finished.code).toBe(0);
    expect(finished.stdout).toContain('importantUnits=24 (2 of 2)');
    expect(statSync(`${first}/report.json`).mtimeMs).toBe(before);

    for (const file of ['00000.json', '00000.npy', '00001.json', '00001.npy']) {
      const [a, b] = [6, 24].map((k) => readFileSync(`${out}/importantUnits=${k}/shards/none/${file}`));
      // Seconds and all: copied, not computed again.
      expect(a?.equals(b!), file).toBe(true);
    }
    expect(readdirSync(`${folder.path('rankings')}/rankings`)).toHaveLength(1);

    const sweep = parameterSweepReportSchema.parse(JSON.parse(read(`${out}/sweep.json`)));
    expect(sweep.runs.map(({ value, folder: name, images }) => [value, name, images])).toEqual([
      [6, 'importantUnits=6', 4],
      [24, 'importantUnits=24', 4],
    ]);
    for (const { folder: name, id, variants } of sweep.runs) {
      const report = reportSchema.parse(JSON.parse(read(`${out}/${name}/report.json`)));
      expect(report.run.id).toBe(id);
      expect(variants.map(({ robust }) => robust)).toEqual(report.variants.map(({ robust }) => robust));
      expect(variants.map(({ worstCase }) => worstCase)).toEqual(report.variants.map(({ worstCase }) => worstCase));
    }
    const csv = read(`${out}/sweep.csv`).trim().split('\n');
    expect(csv).toHaveLength(1 + 2 * 2 * 3);
    expect(csv[1]).toMatch(/^importantUnits,6,none,clean,/);
    expect(checkWellFormed(read(`${out}/sweep.html`), new Set(['meta', 'br']))).toEqual([]);
    for (const measure of ['clean', 'robust', 'worst-case'])
      expect(checkWellFormed(read(`${out}/sweep.${measure}.svg`))).toEqual([]);
    expect(read(`${out}/sweep.md`)).toContain('| importantUnits |');

    const verified = await igd(['verify', `${out}/importantUnits=24`, '--rankings', folder.path('rankings')]);
    expect(verified.code).toBe(0);

    // Each run is what a config of its own would have given, in a folder of its own.
    const alone = writeJson(folder.path('alone.json'), fourImages({ importantUnits: 24 }));
    expect((await igd(run(alone, folder.path('alone')))).code).toBe(0);
    expect(read(`${folder.path('alone')}/images.csv`)).toBe(read(`${out}/importantUnits=24/images.csv`));
    expect((await igd(run(config, folder.path('alone')))).code).toBe(2);
  });

  test('over epsilon attacks the undefended model anew', async () => {
    const sweep = { 'threat.epsilon': ['1/255', '16/255'] };
    const config = writeJson(folder.path('config.json'), fourImages({ variants: ['none'], sweep }));
    const out = folder.path('out');
    expect((await igd(run(config, out))).code).toBe(0);
    const { runs } = parameterSweepReportSchema.parse(JSON.parse(read(`${out}/sweep.json`)));
    expect(runs.map(({ value }) => value)).toEqual(['1/255', '16/255']);
    const [weak, strong] = runs.map(({ variants }) => variants[0]?.robust.correct ?? -1);
    expect(strong).toBeLessThan(weak ?? -1);
    expect(await igd(['verify', out])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(
        'holds a parameter sweep, not a run: give one of its folders, threat.epsilon=1-255 and threat.epsilon=16-255',
      ),
    });
  });

  test('refuses a value that does not fit before anything is computed', async () => {
    const out = folder.path('out');
    const config = writeJson(folder.path('config.json'), fourImages({ sweep: { layer: ['layer4', 'layer9'] } }));
    const refused = await igd(run(config, out));
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('layer "layer9" is not in');
    expect(existsSync(out)).toBe(false);
    const listed = await igd(['validate', config]);
    expect(listed.code).toBe(2);
  });
});
