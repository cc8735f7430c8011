import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparedWith, compareWith, otherQuestion } from '../../../src/report/history/compare-entry.ts';
import { dateText } from '../../../src/report/history/dates.ts';
import { historyPage } from '../../../src/report/history/page.ts';
import { breaking, changedRun } from './compare-fixture.ts';
import { BEFORE, earlier, entry, fell, history, NOW, THEN, TWO } from './history-fixture.ts';
import { checkWellFormed } from './well-formed.ts';

const VOID_ELEMENTS = new Set(['meta', 'br']);
describe('an entry against the one before', () => {
  it('says what fell, since when, and what differs', () => {
    expect(fell).toMatchObject({
      verdict: 'regressed',
      sentence: 'robust accuracy of loir fell 10.0 points (p < 0.001) since 12 November',
      since: { at: THEN, run: 'demo-a' },
      images: 200,
    });
    const worse = changedRun(breaking(BEFORE, 'loir', 20));
    const reversed = compareWith({ ...earlier, at: '2025-11-12T03:00:07.000Z' }, worse, BEFORE, NOW);
    expect(reversed).toMatchObject({
      verdict: 'improved',
      sentence: 'robust accuracy of loir rose 10.0 points (p < 0.001) since 12 November 2025',
    });
  });

  it('says that nothing changed, or nothing beyond chance', () => {
    expect(compareWith(earlier, BEFORE, changedRun(), NOW)).toMatchObject({
      verdict: 'unchanged',
      sentence: 'nothing changed since 12 November: 200 images came to the same end',
    });
    expect(compareWith(earlier, BEFORE, changedRun(breaking(BEFORE, 'loir', 1)), NOW)).toMatchObject({
      verdict: 'unchanged',
      sentence: expect.stringMatching(
        /^nothing changed beyond chance since 12 November: robust accuracy of loir by −0\.5 /,
      ),
    });
  });

  it('is on the images of both where one is partial', () => {
    expect(compareWith(earlier, BEFORE, changedRun(undefined, { images: 60 }), NOW)).toMatchObject({ images: 60 });
  });

  it.each([
    ['variants', { variants: [{ id: 'other', mask: null }] }, /have no variant in common/],
    ['attacks', { suite: ['apgd-ce'] }, /the suites differ .*: a stronger attack lowers robust accuracy too/],
  ])('is not compared with one of other %s', (_, options, why) => {
    const { verdict, sentence } = compareWith(earlier, BEFORE, changedRun(undefined, options), NOW);
    expect(verdict).toBe('not-compared');
    expect(sentence).toMatch(/^not compared with 12 November: /);
    expect(sentence).toMatch(why);
  });

  it('is compared with the newest of the same question', () => {
    const { results } = earlier;
    const data = { ...results.data, sha256: 'f'.repeat(64) };
    const before = [
      { ...earlier, at: '2026-11-01T00:00:00.000Z', run: 'oldest' },
      { ...earlier, at: '2026-11-02T00:00:00.000Z', run: 'older' },
      { ...earlier, at: '2026-11-03T00:00:00.000Z', run: 'other', results: { ...results, data } },
    ];
    expect(comparedWith(results, before)?.run).toBe('older');
    // The same data under another name are the same.
    expect(comparedWith({ ...results, data: { ...results.data, uri: 's3://b/copy.bin' } }, before)?.run).toBe('older');
    const none = comparedWith({ ...results, threat: 'L2, ε = 0.5' }, before);
    expect(none?.run).toBe('other');
    expect(otherQuestion({ ...results, threat: 'L2, ε = 0.5' }, results)).toMatch(
      /^threat model: Linf, .* before, L2, ε = 0.5 now$/,
    );
  });
});

it('a day is written as people do', () => {
  expect(dateText('2026-03-01T23:59:59.000Z', NOW)).toBe('1 March');
  expect(dateText('2025-12-31T23:59:59.000Z', NOW)).toBe('31 December 2025');
  expect(dateText('2026-11-19T01:02:03.000Z', NOW)).toBe('19 November, 01:02 UTC');
});

describe('the page of a history', () => {
  it.each([
    ['nothing', history([])],
    ['failures alone', history([entry(THEN, { status: 'failed', results: null })])],
    ['one', history([entry(THEN)])],
    ['two', TWO],
  ])('is well-formed, needs nothing from outside and runs nothing: %s', (_, of) => {
    const page = historyPage(of);
    expect(checkWellFormed(page, VOID_ELEMENTS)).toEqual([]);
    expect(page).not.toMatch(/<(script|link|iframe|img|object|embed|base)\b/i);
    expect(page).not.toMatch(/\s(src|on\w+)=/i);
    for (const [, target = ''] of page.matchAll(/(?:href|action)="([^"]*)"/g))
      expect(target).toMatch(/^\.\.\/\.\.\/runs\//);
    expect(historyPage(structuredClone(of))).toBe(page);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('has a line for each variant and question, over time', () => {
    const other = { ...earlier.results, threat: 'L2, ε = 0.5' };
    const page = historyPage(history([...TWO.entries, entry('2026-12-01T00:00:00.000Z', { results: other })]));
    const [, text = ''] = /<desc id="history-robust-desc">([^<]*)/.exec(page) ?? [];
    expect(text).toMatch(/^none: \S+% on 2026-11-12, \S+% on 2026-11-19\. loir: .* none: \S+% on 2026-12-01\. loir: /);
    expect(text).toMatch(/^none: [^()]* loir: \S+% on 2026-11-12, \S+% on 2026-11-19 \(fell\)\. none: [^()]*$/);
    expect(page.match(/fell beyond chance<\/li>/g)).toHaveLength(1);
    expect(historyPage(history([entry(THEN)]))).not.toContain('fell beyond chance');
    expect(page).toContain('2026-11-12</text>');
    expect(page).toContain('<span class="fell">Robust accuracy of loir fell 10.0 points');
  });

  it('says how many records it could not read', () => {
    expect(historyPage({ ...TWO, unreadable: 2 })).toContain('2 records of another version of igd left out');
  });

  it('escapes every name and text', () => {
    const mark = fc.string({ unit: fc.constantFrom('<', '>', '"', "'", '&', 'a', '/', ' ') });
    const hostile = mark.map((text) => `<b x="${text}">`);
    const property = fc.property(hostile, hostile, hostile, (schedule, run, text) => {
      const results = {
        ...earlier.results,
        report: `runs/${run}/`,
        variants: earlier.results.variants.map((variant) => ({ ...variant, id: `${text}${variant.id}` })),
      };
      const comparison = { ...fell, sentence: text, differences: [{ what: text, before: run, now: schedule }] };
      const of = { ...history([entry(THEN, { schedule, run, results, comparison })]), schedule, igdVersion: text };
      const page = historyPage(of);
      expect(page).not.toContain('<b x');
      expect(checkWellFormed(page, VOID_ELEMENTS)).toEqual([]);
    });
    fc.assert(property, { numRuns: 20 });
  });
});
