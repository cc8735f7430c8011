import { afterAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/contracts/errors.ts';
import { parseConfig } from '../../src/contracts/parse-config.ts';
import { inspectInputs } from '../../src/pipeline/inputs.ts';
import { planRun } from '../../src/pipeline/plan.ts';
import { publishedFacts } from '../../src/pipeline/published.ts';
import { igd, scratch, smallConfig, writeJson } from '../support/cli.ts';

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

  test('is no part of the run', async () => {
    const plain = parse({});
    const inputs = await inspectInputs(plain);
    const withNumbers = parse({ published: { source, variants: { none: { clean: 12 } } } });
    expect(planRun(withNumbers, {}, inputs).id).toBe(planRun(plain, {}, inputs).id);
  });

  test('refuses an attack that is not in the suite before anything runs', async () => {
    const published = { source, variants: { loir: { attacks: { square: 50 } } } };
    await expect(inspectInputs(parse({ published }))).rejects.toThrow(
      /loir\.attacks has "square".*apgd-ce, all, apgd-t/,
    );
    const groups = {
      source,
      variants: { loir: { attacks: { 'base.autoattack': 55.67, 'autoattack.square': 54.53 } } },
    };
    await expect(inspectInputs(parse({ suite: 'iw-wc', published: groups }))).resolves.toBeDefined();
  });

  test('tells how ours differs from it', () => {
    const of = (changes: Readonly<Record<string, unknown>>) =>
      publishedFacts(parse(changes), 12).published?.differences;
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
