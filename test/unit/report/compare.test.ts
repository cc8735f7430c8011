import { describe, expect, it } from 'vitest';
import { holmAdjusted } from '../../../src/numeric/statistics.ts';
import { compareRuns } from '../../../src/report/compare/compare-runs.ts';
import { outcomesOf, type RunOutcomes } from '../../../src/report/compare/run-outcomes.ts';
import { comparisonSentence, regressionsOf } from '../../../src/report/compare/sentence.ts';
import { runComparisonSchema } from '../../../src/schemas/comparison.ts';
import { breaking, changedRun } from './compare-fixture.ts';

const BEFORE = changedRun();
const robustOf = (run: RunOutcomes, variant: string) =>
  (run.outcomes.get(variant) ?? []).filter((one) => one.label === one.cleanPrediction && one.brokenBy === null);

/** 14 robust images of loir fall, three broken ones hold: the discordant pairs are 14 and 3. */
function shifted(): RunOutcomes {
  const fall = breaking(BEFORE, 'loir', 14);
  const broken = BEFORE.outcomes.get('loir')?.filter(({ brokenBy }) => brokenBy !== null) ?? [];
  const held = new Set(broken.slice(0, 3).map(({ image }) => image));
  return changedRun((outcome, variant) =>
    variant === 'loir' && held.has(outcome.image)
      ? { brokenBy: null, adversarialPrediction: null }
      : fall(outcome, variant),
  );
}

function withReport(run: RunOutcomes, change: (report: RunOutcomes['report']) => void): RunOutcomes {
  const report = structuredClone(run.report);
  change(report);
  return { ...run, report };
}

describe('holmAdjusted', () => {
  // R 4: p.adjust(p, "holm")
  it.each([
    [[], []],
    [[0.2], [0.2]],
    [
      [0.01, 0.04, 0.03, 0.005],
      [0.03, 0.06, 0.06, 0.02],
    ],
    [
      [0.6, 0.5, 0.9],
      [1, 1, 1],
    ],
    [
      [0.001, 0.001, 0.5],
      [0.003, 0.003, 0.5],
    ],
  ])('agrees with R for %j', (given, expected) => {
    const adjusted = holmAdjusted(given);
    expect(adjusted).toHaveLength(expected.length);
    for (const [index, p] of expected.entries()) expect(adjusted[index]).toBeCloseTo(p, 12);
  });
});

describe('compareRuns', () => {
  const comparison = compareRuns(BEFORE, shifted());
  const loir = comparison.variants.find(({ id }) => id === 'loir')!;
  const none = comparison.variants.find(({ id }) => id === 'none')!;

  it('tests robust accuracy on the same images, exactly', () => {
    expect(comparison.images).toBe(200);
    expect([loir.robust.onlyA, loir.robust.onlyB]).toEqual([14, 3]);
    expect(loir.robust.difference).toBeCloseTo(-11 / 200, 12);
    // scipy 1.17: binomtest(3, 17).pvalue = 2 (1 + 17 + 136 + 680) / 2^17
    expect(loir.robust.pValue).toBeCloseTo(1668 / 131072, 12);
    // Four tests: two measures of two variants; the others have p = 1.
    expect(loir.robust.adjusted).toBeCloseTo((4 * 1668) / 131072, 12);
    expect(loir.robust.interval[0]).toBeLessThan(-11 / 200);
    expect(loir.robust.interval[1]).toBeGreaterThan(-11 / 200);
    expect(loir.clean).toMatchObject({ difference: 0, onlyA: 0, onlyB: 0, pValue: 1, adjusted: 1 });
    expect(none.robust.pValue).toBe(1);
  });

  it('says which images changed, and by which attack', () => {
    expect(none.changed).toEqual([]);
    expect(loir.changed).toHaveLength(17);
    const fallen = loir.changed.filter(({ a }) => a.state === 'robust');
    expect(fallen).toHaveLength(14);
    for (const { b, label } of fallen)
      expect(b).toEqual({ state: 'broken', attack: 'square', prediction: (label + 1) % 10 });
    const square = loir.perAttack.find(({ attack }) => attack === 'square')!;
    expect((square.b ?? 0) - (square.a ?? 0)).toBe(14);
  });

  it('adds up class by class', () => {
    const total = (side: 'a' | 'b') => loir.perClass.reduce((sum, row) => sum + row.images * row.robust[side], 0);
    expect(total('a')).toBeCloseTo(robustOf(BEFORE, 'loir').length, 9);
    expect(total('a') - total('b')).toBeCloseTo(11, 9);
    expect(loir.perClass[3]?.name).toBe('cat');
  });

  it('fits its schema and does not depend on the order of rows', () => {
    expect(runComparisonSchema.parse(comparison)).toEqual(comparison);
    const [header = '', ...rows] = BEFORE.csv.trimEnd().split('\n');
    const backwards = outcomesOf(BEFORE.report, [header, ...rows.reverse()].join('\n'), 'images.csv');
    expect(compareRuns({ ...BEFORE, outcomes: backwards }, shifted())).toEqual(comparison);
  });

  it('compares the images that both have', () => {
    const few = changedRun(undefined, { images: 80 });
    expect(compareRuns(BEFORE, few)).toMatchObject({ images: 80, a: { images: 200 }, b: { images: 80 } });
  });

  it('names what the runs were given that differs, and warns of other attacks', () => {
    const other = withReport(BEFORE, ({ run, checkpoint }) => {
      run.threat.epsilon = 4 / 255;
      run.suite.pop();
      checkpoint.sha256 = 'beef'.padEnd(64, '0');
    });
    const { differences, cautions, variants } = compareRuns(BEFORE, other);
    expect(differences.map(({ what }) => what)).toEqual(['checkpoint', 'threat model', 'suite']);
    expect(cautions).toHaveLength(2);
    expect(cautions[0]).toContain('8/255; Linf, ε = 4/255');
    expect(variants[0]?.perAttack.at(-1)).toMatchObject({ attack: 'square', b: null });
    expect(compareRuns(BEFORE, BEFORE)).toMatchObject({ differences: [], cautions: [] });
  });

  it('sees radii that are written alike', () => {
    const other = withReport(BEFORE, ({ run }) => {
      run.threat.epsilon += 1e-7;
    });
    expect(compareRuns(BEFORE, other).differences).toEqual([
      { what: 'threat model', a: 'Linf, ε = 8/255', b: `Linf, ε = ${8 / 255 + 1e-7}` },
    ]);
  });

  it('sees other options of the same attacks where both plans are known', () => {
    const suite = (iterations: number) => [{ name: 'apgd-ce', iterations }];
    const { cautions } = compareRuns({ ...BEFORE, suite: suite(100) }, { ...BEFORE, suite: suite(10) });
    expect(cautions).toEqual([
      'attacks ran with other options (apgd-ce: iterations 100; apgd-ce: iterations 10): ' +
        'a stronger attack lowers robust accuracy too',
    ]);
    expect(compareRuns({ ...BEFORE, suite: suite(100) }, { ...BEFORE, suite: suite(100) }).differences).toEqual([]);
    expect(compareRuns({ ...BEFORE, suite: suite(100) }, BEFORE).cautions).toEqual([]);
  });

  const otherData = withReport(BEFORE, ({ dataset }) => {
    dataset.test.sha256 = '0'.repeat(64);
  });
  const otherFormat = withReport(BEFORE, ({ dataset }) => {
    dataset.format = 'cifar100';
  });
  const otherVariants = withReport(BEFORE, ({ variants }) => {
    for (const variant of variants) variant.id += '!';
  });
  const otherLabels = changedRun(({ label, cleanPrediction }) => relabelled(label, cleanPrediction));

  it.each<[string, RunOutcomes, string]>([
    ['other data', otherData, 'test data differ'],
    ['another format', otherFormat, 'test data differ'],
    ['other variants', otherVariants, 'no variant in common'],
    ['other images', { ...BEFORE, outcomes: new Map([['none', []]]) }, 'no image in common'],
    ['other labels', otherLabels, 'labels differ'],
  ])('refuses %s by name', (_, other, message) => {
    expect(() => compareRuns(BEFORE, other)).toThrow(message);
  });
});

/** The other label, and wrong or right as before. */
function relabelled(label: number, cleanPrediction: number | null) {
  const other = (label + 1) % 10;
  return { label: other, cleanPrediction: cleanPrediction === label ? other : label };
}

describe('outcomesOf', () => {
  it('refuses what is not of the report beside it', () => {
    const lines = BEFORE.csv.trimEnd().split('\n');
    const read = (csv: readonly string[]) => () => outcomesOf(BEFORE.report, csv.join('\n'), 'images.csv');
    expect(read(lines)).not.toThrow();
    expect(read(lines.slice(0, -1))).toThrow('images.csv does not agree');
    expect(read([...lines, lines.at(-1)!])).toThrow('images.csv does not agree');
    expect(read(lines.map((line) => line.replace('loir', 'cdir')))).toThrow('images.csv, line 202, is not');
    expect(read(['image,label,variant', '0,zero,none'])).toThrow('line 2');
    expect(read(['<html>'])).toThrow('does not agree');
    const robust = lines.findIndex((line) => /^\d+,(\d+),loir,\1,,$/.test(line));
    expect(read(lines.with(robust, lines[robust]!.replace(/,,$/, ',square,3')))).toThrow('variant loir');
  });

  it('reads attacks that ran one by one, and names in quotes', () => {
    const name = '=pgd "a", b';
    const each = changedRun(
      ({ brokenBy }) => (brokenBy === null ? {} : { brokenBy: name, brokenByEach: [name, 'square'] }),
      { suite: [name, 'square'] },
    );
    const broken = each.outcomes.get('none')?.find(({ brokenBy }) => brokenBy !== null);
    expect(broken).toMatchObject({ brokenBy: name, brokenByEach: [name, 'square'] });
  });
});

describe('comparisonSentence', () => {
  const weakened = (count: number, options = {}) => changedRun(breaking(BEFORE, 'loir', count), options);

  it('says what fell, by how much, and how sure', () => {
    const comparison = compareRuns(BEFORE, weakened(20));
    // 4 * 2 / 2^20
    expect(comparisonSentence(comparison)).toBe('robust accuracy of loir fell 10.0 points (p < 0.001)');
    expect(regressionsOf(comparison)).toMatchObject([{ variant: 'loir', measure: 'robust' }]);
    expect(comparisonSentence(compareRuns(weakened(20), BEFORE))).toBe(
      'robust accuracy of loir rose 10.0 points (p < 0.001)',
    );
    expect(regressionsOf(compareRuns(weakened(20), BEFORE))).toEqual([]);
  });

  it('corrects for the number of tests', () => {
    // 2 / 2^7 = 0.016, four times that is 0.0625.
    const comparison = compareRuns(BEFORE, weakened(7));
    expect(comparisonSentence(comparison)).toBe(
      'nothing changed beyond chance: robust accuracy of loir by −3.5 points (p = 0.063)',
    );
    expect(regressionsOf(comparison)).toEqual([]);
    expect(regressionsOf(comparison, 0.1)).toHaveLength(1);
  });

  it('counts what fell besides, and leaves out the name of a single variant', () => {
    const both = changedRun((outcome, variant) => ({
      ...breaking(BEFORE, 'loir', 20)(outcome, variant),
      ...breaking(BEFORE, 'none', 15)(outcome, variant),
    }));
    expect(comparisonSentence(compareRuns(BEFORE, both))).toMatch(
      /^robust accuracy of loir fell .*; so did 1 more measure$/,
    );
    const single = compareRuns(BEFORE, weakened(20));
    const [loir] = single.variants.filter(({ id }) => id === 'loir');
    expect(comparisonSentence({ ...single, variants: [loir!] })).toBe('robust accuracy fell 10.0 points (p < 0.001)');
  });

  it('says that nothing changed', () => {
    expect(comparisonSentence(compareRuns(BEFORE, changedRun()))).toBe(
      'nothing changed: 200 images came to the same end',
    );
  });
});
