import { afterAll, describe, expect, test } from 'vitest';
import { resolveSuite } from '../../../src/attacks/suites.ts';
import { ConfigError } from '../../../src/errors.ts';
import { inspectInputs } from '../../../src/runs/inputs/inspect-inputs.ts';
import { analysisSource } from '../../../src/runs/planning/analysis-plan.ts';
import { planRun } from '../../../src/runs/planning/plan.ts';
import { prepareRun } from '../../../src/runs/planning/prepare-run.ts';
import { publishedFacts, publishedShifts } from '../../../src/runs/planning/published.ts';
import type { RunConfig } from '../../../src/schemas/config.ts';
import { parseParameterSweep } from '../../../src/schemas/parameter-sweep.ts';
import { parseConfig } from '../../../src/schemas/parse-config.ts';
import { igd, scratch, smallConfig, writeJson } from '../../support/cli.ts';

const folder = scratch();
afterAll(() => folder.remove());

const parse = (changes: Readonly<Record<string, unknown>>) =>
  parseConfig(JSON.stringify(smallConfig(changes)), 'c.json');
const source = 'A paper, Table 1';

describe('the published section of a config', () => {
  test('takes percentages of the variants the run has', () => {
    const variants = { none: { clean: 85.71 }, 'conf@0.8': { robust: 23, attacks: { 'apgd-ce': 36.4 } } };
    expect(parse({ published: { source, images: 500, variants } }).published?.variants).toEqual(variants);
    expect(() => parse({ published: { source, variants: { cdir: {} } } })).toThrow(/"cdir".*none, loir, conf@0.8/);
    expect(() => parse({ published: { source, variants: { none: { clean: 101 } } } })).toThrow(ConfigError);
    expect(() => parse({ published: { source, variants: { none: { worstcase: 1 } } } })).toThrow(/worstCase/);
    expect(() => parse({ published: { variants: {} } })).toThrow(/published\.source/);
  });

  test('takes gains over the undefended model alone', () => {
    const gain = { clean: -0.53, robust: 2.03 };
    expect(parse({ published: { source, variants: { loir: { gain } } } }).published?.variants.loir?.gain).toEqual(gain);
    expect(() => parse({ published: { source, variants: { none: { gain } } } })).toThrow(/none\.gain: .*not of it/);
    const alone = { variants: ['loir'], published: { source, variants: { loir: { gain } } } };
    expect(() => parse(alone)).toThrow(/loir\.gain: .*which is missing/);
  });

  test('of a parameter sweep stands under its values', () => {
    const sweepOf = (at: unknown) => {
      const sweep = { 'threat.epsilon': ['4/255', '8/255'] };
      return parseParameterSweep(JSON.stringify(smallConfig({ sweep, published: { source, at } })), 'c.json')!.runs;
    };
    const runs = sweepOf({ '8/255': { loir: { robust: 54.53 } } });
    expect(runs.map(({ config }) => config.published)).toEqual([
      { source, variants: {} },
      { source, variants: { loir: { robust: 54.53 } } },
    ]);
    // The config of one run, as its plan keeps it, says the same.
    expect(parseConfig(JSON.stringify(runs[1]!.source), 'plan.json')).toEqual(runs[1]!.config);
    expect(() => sweepOf({ '16/255': {} })).toThrow(/published\.at has "16\/255".*4\/255, 8\/255/);
    expect(() => sweepOf({ '8/255': { cdir: {} } })).toThrow(/threat\.epsilon 8\/255: published\.variants: has "cdir"/);
    expect(() => parse({ published: { source, at: {} } })).toThrow(/published.*"at"/);
  });

  test('is no part of the run', async () => {
    const plain = parse({});
    const inputs = await inspectInputs(plain);
    const withNumbers = parse({ published: { source, variants: { none: { clean: 12 } } } });
    expect(planRun(withNumbers, {}, inputs).id).toBe(planRun(plain, {}, inputs).id);
  });

  test('refuses an attack that is not in the suite before anything runs', async () => {
    const published = { source, variants: { loir: { attacks: { square: 50 } } } };
    await expect(prepareRun(parse({ published }), null)).rejects.toThrow(
      /loir\.attacks has "square".*apgd-ce, all, apgd-t/,
    );
    const groups = {
      source,
      variants: { loir: { attacks: { 'base.autoattack': 55.67, 'autoattack.square': 54.53 } } },
    };
    await expect(prepareRun(parse({ suite: 'iw-wc', published: groups }), null)).resolves.toBeDefined();
  });

  test('tells how ours differs from it', () => {
    const factsOf = (config: RunConfig) => publishedFacts({ config, suite: resolveSuite(config) }, 12);
    const of = (changes: Readonly<Record<string, unknown>>) => factsOf(parse(changes)).published?.differences;
    expect(of({})).toBeUndefined();
    expect(of({ published: { source } })).toEqual([]);
    expect(of({ suite: 'standard', published: { source, images: 12, suite: 'standard' } })).toEqual([]);
    const four = ['apgd-ce', 'apgd-t', 'fab-t', { attack: 'square', name: 'last' }];
    expect(of({ suite: four, published: { source, suite: 'standard' } })).toEqual([]);
    expect(of({ published: { source, images: 10_000, suite: 'standard' } })).toEqual([
      'Published on 10,000 images, ours on 12.',
      'Published under standard with its own budgets, ours under other attacks or budgets.',
    ]);
  });

  test('of an analysis are shifts, with our interval where it has one', () => {
    const cell = { median: 0, images: 9, units: 3 };
    const groups = {
      trueClass: { ...cell, shift: -0.4, standardError: 0.05 },
      postAttackClass: { ...cell, shift: 0.3, standardError: null },
      otherClasses: { ...cell, shift: 0.1, standardError: 0.01 },
      unimportant: { ...cell, shift: null, standardError: null },
    };
    const shift = { successful: { images: 9, groups }, unsuccessful: { images: 0, groups } };
    const successful = { trueClass: -44.84, postAttackClass: 46.58, otherClasses: 0.86, unimportant: 0.63 };
    const found = publishedShifts(
      parse({ published: { source, note: 'n', images: 1000, shift: { successful } } }),
      shift,
      9,
    );
    expect(found?.notes).toEqual(['Published on 1,000 images, ours on 9.', 'n']);
    expect(found?.rows.map(({ group, ours, within }) => [group, ours, within])).toEqual([
      ['trueClass', -0.4, true],
      ['postAttackClass', 0.3, null],
      ['otherClasses', 0.1, false],
      ['unimportant', null, null],
    ]);
    expect(found?.rows[0]?.published).toBeCloseTo(-0.4484, 12);
    expect(found?.rows[0]?.interval?.[0]).toBeCloseTo(-0.4 - 1.959964 * 0.05, 6);
    expect(publishedShifts(parse({ published: { source } }), shift, 9)).toBeNull();
  });

  test('with accuracies does not keep an analysis from having other variants', () => {
    const source = smallConfig({ published: { source: 's', variants: { 'conf@0.8': { clean: 60.8 } } } });
    const document = JSON.parse(JSON.stringify(source));
    const config = parseConfig(JSON.stringify(document), 'c.json');
    const analysed = parseConfig(JSON.stringify(analysisSource(document, config)), 'c.json');
    expect(analysed.variants.map(({ id }) => id)).toEqual(['none', 'loir']);
    expect(analysed.published).toEqual({ source: 's', variants: {} });
  });

  test('is printed at the end of a run', async () => {
    const dataset = { format: 'cifar10', test: 'examples/demo/test.bin', testImages: 2 };
    const config = smallConfig({
      dataset,
      variants: ['none'],
      suite: [{ attack: 'apgd-ce', iterations: 1 }],
      published: { source, images: 10_000, variants: { none: { clean: 85.71 } } },
    });
    const { code, stdout } = await igd(['run', writeJson(folder.path('c.json'), config), '--out', folder.path('run')]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/A paper, Table 1\nvariant .*\nnone +clean +85\.71%/);
  });
});
