import { describe, expect, it } from 'vitest';
import { pairedInterval, wilsonInterval } from '../../../src/numeric/statistics.ts';
import { reportMarkdown } from '../../../src/report/markdown.ts';
import { comparePublished } from '../../../src/report/published.ts';
import { reportHtml } from '../../../src/report/report-files.ts';
import type { PublishedFacts } from '../../../src/report/summary/outcomes.ts';
import { reportTable } from '../../../src/report/table.ts';
import { LOIR, makeRun, NONE } from './fixture.ts';

const published: PublishedFacts = {
  source: 'A paper, Table 1',
  note: 'Trained anew.',
  differences: ['Published on 10,000 images, ours on 500.'],
  variants: {
    loir: { clean: 69.2, robust: 41.4, worstCase: 90, gain: { clean: -0.53, robust: 99 }, note: 'Smoothed.' },
    none: {
      clean: 100,
      attacks: { 'apgd-ce': 35, all: 28.9 },
      bestClass: { clean: 80, robust: 40 },
      worstClass: { clean: 60, robust: 20 },
    },
  },
};

const { report } = makeRun({ variants: [NONE, LOIR], images: 500, published });
const rows = report.published?.rows ?? [];
const none = report.variants[0]!;
const loir = report.variants[1]!;
const rowOf = (variant: string, measure: string, attack?: string) =>
  rows.find((row) => row.variant === variant && row.measure === measure && row.attack === attack);

describe('published numbers', () => {
  it('stand beside ours, in shares, in the order of our variants', () => {
    expect(rows.map(({ variant, measure, attack }) => [variant, attack ?? measure])).toEqual([
      ['none', 'clean'],
      ['none', 'apgd-ce'],
      ['none', 'all'],
      ['none', 'best-class-clean'],
      ['none', 'best-class-robust'],
      ['none', 'worst-class-clean'],
      ['none', 'worst-class-robust'],
      ['loir', 'clean'],
      ['loir', 'robust'],
      ['loir', 'worst-case'],
      ['loir', 'clean-gain'],
      ['loir', 'robust-gain'],
    ]);
    expect(rowOf('loir', 'robust')).toEqual({
      variant: 'loir',
      measure: 'robust',
      published: 0.414,
      ours: loir.robust.accuracy,
      interval: loir.robust.interval,
      difference: loir.robust.accuracy - 0.414,
      within: true,
    });
  });

  it('say whether they lie in our interval', () => {
    expect(rowOf('none', 'clean')?.within).toBe(false);
    expect(rowOf('loir', 'worst-case')?.within).toBe(false);
    for (const { published: theirs, interval, within } of rows)
      expect(within).toBe(theirs >= interval[0] && theirs <= interval[1]);
  });

  it('of an attack are what it left, of a group what its last attack left', () => {
    expect(rowOf('none', 'attack', 'apgd-ce')?.ours).toBe(none.attacks[0]?.robustAccuracy);
    expect(rowOf('none', 'attack', 'all')?.ours).toBe(none.attacks.at(-1)?.robustAccuracy);
    expect(rowOf('none', 'attack', 'all')?.ours).toBe(none.robust.accuracy);
    expect(rowOf('none', 'attack', 'all')?.interval).toEqual(none.robust.interval);
  });

  it('of the best and the worst class are told apart by measure', () => {
    const clean = none.perClass.map((row) => row.clean);
    const robust = none.perClass.map((row) => row.robust);
    expect(rowOf('none', 'best-class-clean')?.ours).toBe(Math.max(...clean));
    expect(rowOf('none', 'worst-class-robust')?.ours).toBe(Math.min(...robust));
    const best = none.perClass.find((row) => row.robust === Math.max(...robust))!;
    const right = Math.round(best.robust * best.images);
    expect(rowOf('none', 'best-class-robust')?.interval).toEqual(wilsonInterval(right, best.images));
  });

  it('of a gain are compared with the difference on the same images', () => {
    const row = rowOf('loir', 'robust-gain')!;
    expect(row.ours).toBeCloseTo(loir.robust.accuracy - none.robust.accuracy, 12);
    expect(row.within).toBe(false);
    const { onlyA, onlyB } = report.comparisons.find(
      ({ a, b, measure }) => `${a} ${b} ${measure}` === 'none loir robust',
    )!;
    const [correctA, correctB] = [none.robust.correct, loir.robust.correct];
    expect(row.interval).toEqual(pairedInterval({ correctA, correctB, onlyA, onlyB, total: 500 }));
    expect(row.interval[0]).toBeGreaterThan(0);
    expect(reportMarkdown(report)).toMatch(/\| +gain, robust \| +\+99\.00 \| +\+\d+\.\d\d \|/);
    expect(reportMarkdown(report)).toMatch(/\| +gain, clean \| +−0\.53 \|/);
    // Whichever of the two comes first in the run.
    const backwards = makeRun({ variants: [LOIR, NONE], images: 500, published }).report.published!;
    expect(backwards.rows.some(({ measure }) => measure === 'robust-gain')).toBe(true);
  });

  it('of nothing make no row', () => {
    const without = comparePublished({ source: 's', differences: [], variants: { loir: {} } }, report.variants, {
      images: 500,
      effective: 500,
      comparisons: [],
    });
    expect(without).toEqual({ source: 's', differences: [], notes: [], rows: [] });
  });
});

describe('the report', () => {
  const theirs = ['69.20%', '41.40%', '100.00%', '28.90%'];

  it('prints both, and what sets them apart, as Markdown', () => {
    const text = reportMarkdown(report);
    for (const number of [...theirs, `${(100 * loir.clean.accuracy).toFixed(2)}%`]) expect(text).toContain(number);
    expect(text).toContain('## Published numbers\n\nA paper, Table 1\n\n| variant ');
    expect(text).toContain('- Published on 10,000 images, ours on 500.\n- Trained anew.\n- loir: Smoothed.');
    expect(text).toMatch(/\| none +\| +left by apgd-ce \| +35\.00% \|/);
  });

  it('prints both as a page and in the terminal', () => {
    for (const text of [reportHtml(report), reportTable(report)]) {
      expect(text).toContain('A paper, Table 1');
      for (const number of theirs) expect(text).toContain(number);
    }
    expect(reportHtml(report)).toContain('Published numbers and ours');
  });

  it('says nothing where there are none', () => {
    const { report: plain } = makeRun({ variants: [NONE] });
    expect(plain.published).toBeNull();
    expect(reportMarkdown(plain)).not.toContain('ublished');
    expect(reportTable(plain)).not.toContain('ublished');
    expect(reportHtml(plain)).not.toContain('Published');
  });

  it('prints what has no numbers as its notes', () => {
    const facts = { source: 'A log', note: 'It has no numbers.', differences: [], variants: {} };
    const text = reportMarkdown(makeRun({ variants: [NONE], published: facts }).report);
    expect(text).toContain('## Published numbers\n\nA log\n\n- It has no numbers.\n');
  });
});
