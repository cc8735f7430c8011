import { describe, expect, it } from 'vitest';
import { comparePage } from '../../../src/report/browse/compare-page.ts';
import { type Entry, summariseReport } from '../../../src/report/browse/entry.ts';
import { choicesOf, filtered, filtersOf } from '../../../src/report/browse/filters.ts';
import { listPage, messagePage } from '../../../src/report/browse/list-page.ts';
import { compareRuns } from '../../../src/report/compare/compare-runs.ts';
import { breaking, changedRun } from './compare-fixture.ts';
import { checkWellFormed } from './well-formed.ts';

const VOID_ELEMENTS = new Set(['meta', 'br', 'input']);
const HOSTILE = `"><script>alert('1')</script>`;

const BEFORE = changedRun();
const SUMMARY = summariseReport(BEFORE.report);
const entry = (key: string, changes: Partial<Entry> = {}): Entry => ({
  kind: 'run',
  key,
  name: `run ${key}`,
  date: new Date('2026-11-12T08:30:00Z'),
  status: 'complete',
  summary: SUMMARY,
  page: 'report.html',
  ...changes,
});
const ENTRIES = [
  entry('one'),
  entry('two/deep', { summary: { ...SUMMARY, threat: 'L2, ε = 0.5' } }),
  { kind: 'run', key: 'three', name: 'three', date: new Date(0), status: 'unfinished' } satisfies Entry,
  entry('four', { kind: 'sweep', note: '2 runs over temperature: 0.01, 1', page: 'sweep.html' }),
];
const filters = (query = '') => filtersOf(new URLSearchParams(query));
const list = (entries: readonly Entry[], query = '') =>
  listPage({ place: 'runs', entries, filters: filters(query), version: '0.2.0' });
const compared = (change = breaking(BEFORE, 'loir', 20)) =>
  comparePage({
    comparison: compareRuns(BEFORE, changedRun(change)),
    ...{ a: 'one', b: 'two/deep', version: '0.2.0' },
    classNames: BEFORE.report.dataset.classNames,
  });

describe('the pages of igd browse', () => {
  it.each([
    ['a list', list(ENTRIES)],
    ['a filtered list', list(ENTRIES, 'q=run&status=complete')],
    ['an empty list', list([])],
    ['a comparison', compared()],
    ['a message', messagePage('No', 'Why', '0.2.0')],
  ])('are well-formed, need nothing from outside and run nothing: %s', (_, page) => {
    expect(checkWellFormed(page, VOID_ELEMENTS)).toEqual([]);
    expect(page).not.toMatch(/<(script|link|iframe|img|object|embed|base)\b/i);
    expect(page).not.toMatch(/\s(src|on\w+)=/i);
    expect(page).not.toMatch(/https?:/);
    // Addresses are beside the page: the server's has a secret in it.
    for (const [, target = ''] of page.matchAll(/(?:href|action)="([^"]*)"/g))
      expect(target).not.toMatch(/^[/a-z]+:|^\//);
  });

  it('escape what others have named', () => {
    const hostile = entry(HOSTILE, { name: HOSTILE, note: HOSTILE, summary: { ...SUMMARY, model: HOSTILE } });
    const comparison = structuredClone(compareRuns(BEFORE, changedRun(breaking(BEFORE, 'loir', 1, 'square'))));
    comparison.a.name = HOSTILE;
    comparison.variants[1]!.id = HOSTILE;
    comparison.differences.push({ what: HOSTILE, a: HOSTILE, b: HOSTILE });
    comparison.cautions.push(HOSTILE);
    const pages = [
      list([hostile], `q=${encodeURIComponent(HOSTILE)}`),
      comparePage({ comparison, a: HOSTILE, b: HOSTILE, classNames: Array(10).fill(HOSTILE), version: '' }),
      messagePage(HOSTILE, HOSTILE, HOSTILE),
    ];
    for (const page of pages) {
      expect(page).not.toContain('<script');
      expect(page).toContain('&lt;script&gt;');
      expect(checkWellFormed(page, VOID_ELEMENTS)).toEqual([]);
    }
  });
});

describe('the list', () => {
  it('says of a run what it was and what it found', () => {
    const page = list(ENTRIES.slice(0, 1));
    const { variant, share } = SUMMARY.best.robust;
    expect(variant).toBe('loir');
    for (const text of [
      '1 entry',
      'run one',
      '2026-11-12',
      '08:30 UTC',
      '200',
      'ResNet-18 (width 16) c0ffee11',
      'Linf, ε = 8/255',
    ])
      expect(page).toContain(text);
    const { clean } = SUMMARY.best;
    expect(page).toContain(`data-label="Robust">${(100 * share.accuracy).toFixed(1)}% `);
    expect(page).toContain(`data-label="Clean">${(100 * clean.share.accuracy).toFixed(1)}% `);
    expect(page).toContain('href="open?entry=one"');
  });

  it('lets runs with a report be compared, and nothing else', () => {
    const picks = [...list(ENTRIES).matchAll(/name="a" value="([^"]*)"/g)].map(([, key]) => key);
    expect(picks).toEqual(['one', 'two/deep']);
  });

  it.each([
    ['', ['one', 'two/deep', 'three', 'four']],
    ['q=DEEP+run', ['two/deep']],
    ['q=temperature', ['four']],
    ['q=2026-11', ['one', 'two/deep', 'four']],
    ['status=unfinished', ['three']],
    [`threat=${encodeURIComponent('L2, ε = 0.5')}`, ['two/deep']],
    ['threat=L1', []],
    ['q=one&status=partial', []],
  ])('is filtered by %s', (query, keys) => {
    expect(filtered(ENTRIES, filters(query)).map(({ key }) => key)).toEqual(keys);
  });

  it('keeps the filters in its form, and offers the values that occur', () => {
    const page = list(ENTRIES, 'q=run&status=complete');
    expect(page).toContain('3 of 4 entries');
    expect(page).toContain('name="q" value="run"');
    expect(page).toContain('<option value="complete" selected="">');
    expect(choicesOf(ENTRIES, 'status')).toEqual(['complete', 'unfinished']);
    expect(choicesOf(ENTRIES, 'threat')).toEqual(['L2, ε = 0.5', 'Linf, ε = 8/255']);
    expect(list(ENTRIES, 'q=absent')).toContain('Nothing passes the filters.');
  });
});

describe('the comparison', () => {
  it('says what fell, which images, and by which attack', () => {
    const page = compared();
    expect(page).toContain('<p class="lead fell">Robust accuracy of loir fell 10.0 points (p &lt; 0.001).</p>');
    expect(page).toContain('20 images came to another end');
    expect(page.match(/broken by square: /g)).toHaveLength(20);
    expect(page).toContain('href="comparison.json?a=one&amp;b=two%2Fdeep"');
    expect(page).toContain('href="compare?a=two%2Fdeep&amp;b=one"');
    expect(compared(() => ({}))).toContain('<p class="lead">Nothing changed: 200 images came to the same end.</p>');
  });

  it('warns first where the attacks differ', () => {
    const other = structuredClone(BEFORE.report);
    other.run.threat.epsilon = 4 / 255;
    const comparison = compareRuns(BEFORE, { ...BEFORE, report: other });
    const page = comparePage({ comparison, a: 'a', b: 'b', classNames: [], version: '' });
    expect(page.indexOf('Read this first')).toBeGreaterThan(0);
    expect(page.indexOf('Read this first')).toBeLessThan(page.indexOf('Results'));
    expect(page).toContain('The threat models differ');
  });
});
