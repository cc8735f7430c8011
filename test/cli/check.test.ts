import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { wilsonInterval } from '../../src/numeric/statistics.ts';
import { runComparisonSchema } from '../../src/schemas/comparison.ts';
import { reportSchema } from '../../src/schemas/report.ts';
import { igd, scratch, smallConfig, writeJson } from '../support/cli.ts';

const kept = scratch();
afterAll(() => kept.remove());
const [out, better, rankings] = ['out', 'better', 'rankings'].map(kept.path) as [string, string, string];

/** A config of one variant on images that its model mostly gets right. */
const small = (changes: Readonly<Record<string, unknown>> = {}) =>
  smallConfig({
    variants: ['none'],
    dataset: { format: 'cifar10', test: 'examples/demo/test.bin', testImages: 24 },
    suite: [{ attack: 'apgd-ce', iterations: 3 }],
    ...changes,
  });
const config = writeJson(kept.path('config.json'), small());

beforeAll(async () => {
  expect((await igd(['run', config, '--out', out, '--rankings', rankings])).code).toBe(0);
  cpSync(out, better, { recursive: true });
  // As if no attack had broken anything.
  const csv = readFileSync(`${out}/images.csv`, 'utf8');
  writeFileSync(`${better}/images.csv`, csv.replaceAll(/,apgd-ce,\d+$/gm, ',,'));
  const report = reportSchema.parse(JSON.parse(readFileSync(`${out}/report.json`, 'utf8')));
  const [variant] = report.variants;
  const { correct } = variant!.clean;
  variant!.robust = { accuracy: correct / 24, correct, interval: wilsonInterval(correct, 24) };
  writeJson(`${better}/report.json`, report);
});

const check = (baseline: string, ...more: string[]) =>
  igd(['check', config, '--baseline', baseline, '--out', out, '--rankings', rankings, ...more]);

describe('igd check', () => {
  test('ends with 0 where nothing fell, on the run that is there', async () => {
    const before = readFileSync(`${out}/report.json`, 'utf8');
    const summary = kept.path('summary.md');
    writeFileSync(summary, 'before\n');
    const end = await igd(
      ['check', config, '--baseline', out, '--out', out, '--rankings', rankings, '--github'],
      undefined,
      { GITHUB_STEP_SUMMARY: summary },
    );
    expect(end).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing changed: 24 images') });
    expect(readFileSync(summary, 'utf8')).toMatch(/^before\n## ✅ small: nothing changed/);
    expect(readFileSync(`${out}/report.json`, 'utf8')).toBe(before);
  });

  test('ends with 1 where robust accuracy is significantly lower, and says so in every form', async () => {
    const junit = kept.path('junit.xml');
    const end = await check(`${better}/report.json`, '--json', '--junit', junit);
    expect(end.code).toBe(1);
    expect(end.stderr).toMatch(/^igd: robust accuracy fell [\d.]+ points \(p < 0\.001\)$/m);
    const { variants, images } = runComparisonSchema.parse(JSON.parse(end.stdout));
    expect(images).toBe(24);
    expect(variants[0]?.changed.every(({ b }) => b.state === 'broken' && b.attack === 'apgd-ce')).toBe(true);
    expect(readFileSync(junit, 'utf8')).toContain('tests="2" failures="1"');
    // The share of a false alarm that is allowed decides.
    expect((await check(better, '--alpha', '1e-9')).code).toBe(0);
  });

  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    [
      'threat',
      { threat: { norm: 'Linf', epsilon: '4/255' } },
      `threat model: the baseline ${out} has Linf, ε = 8/255, the config Linf, ε = 4/255`,
    ],
    ['suite', { suite: ['apgd-t'] }, 'has apgd-ce, the config apgd-t'],
    [
      'option of an attack',
      { suite: [{ attack: 'apgd-ce', iterations: 2 }] },
      'has apgd-ce: iterations 3, the config apgd-ce: iterations 2',
    ],
    ['variant', { variants: ['none', 'two-pass'], layer: 'layer4' }, 'has none, the config none and two-pass'],
    [
      'data set',
      { dataset: { format: 'cifar10', test: 'examples/demo/train.bin', testImages: 24 } },
      'the test data differ (small: cifar10 examples/demo/test.bin',
    ],
  ])('refuses a baseline of another %s before it computes', async (_, changes, message) => {
    const other = writeJson(kept.path('other.json'), small(changes));
    const fresh = kept.path('fresh');
    const end = await igd(['check', other, '--baseline', out, '--out', fresh, '--rankings', rankings]);
    expect(end.stderr).toContain(message);
    expect(end).toMatchObject({ code: 2, stdout: '' });
    expect(existsSync(fresh)).toBe(false);
  });

  test('refuses a config of several runs', async () => {
    const sweep = writeJson(kept.path('sweep.json'), small({ sweep: { 'threat.epsilon': ['4/255', '8/255'] } }));
    const end = await igd(['check', sweep, '--baseline', out, '--out', kept.path('fresh')]);
    expect(end).toMatchObject({ code: 2, stderr: expect.stringContaining('stands for several runs: check one') });
  });

  test.each<[string, readonly string[], string]>([
    ['no report', ['--baseline', 'examples/demo'], 'report.json is not there'],
    ['a file that is none', ['--baseline', 'examples/demo/config.json'], 'config.json is no report of this version'],
    ['an impossible alpha', ['--baseline', out, '--alpha', '5'], 'give a number between 0 and 1'],
  ])('refuses %s', async (_, flags, message) => {
    const end = await igd(['check', config, '--out', kept.path('fresh'), ...flags]);
    expect(end.stderr).toContain(message);
    expect(end.code).toBe(2);
  });
});
