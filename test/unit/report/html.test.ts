import { describe, expect, it } from 'vitest';
import { html, trusted } from '../../../src/report/page/markup.ts';
import { reportHtml } from '../../../src/report/report-files.ts';
import { CONF_VARIANTS, conf, LOIR, makeRun, NONE, RANDOM } from './fixture.ts';
import { checkWellFormed } from './well-formed.ts';

const VOID_ELEMENTS = new Set(['meta', 'br']);

function svgsOf(page: string): string[] {
  return page.match(/<svg .*?<\/svg>/gs) ?? [];
}

describe('report.html', () => {
  const { report } = makeRun();
  const page = reportHtml(report);

  it('is well-formed, drawings and all', () => {
    expect(checkWellFormed(page, VOID_ELEMENTS)).toEqual([]);
    for (const svg of svgsOf(page)) expect(checkWellFormed(svg)).toEqual([]);
  });

  it('needs nothing from outside and runs nothing', () => {
    expect(page).toContain(`content="default-src 'none'; img-src data:; style-src 'unsafe-inline'"`);
    expect(page).not.toMatch(/<(script|link|iframe|img|object|embed|base)\b/i);
    expect(page).not.toMatch(/\s(src|href|on\w+)=/i);
    expect(page).not.toMatch(/@import|url\((?!#)/);
    const addresses = page.match(/https?:\/\/[^"' ]+/g) ?? [];
    expect(new Set(addresses)).toEqual(new Set(['http://www.w3.org/2000/svg', 'http://www.w3.org/1999/xlink']));
  });

  it('is the same bytes every time, however many charts were drawn before', () => {
    expect(reportHtml(report)).toBe(page);
    expect(page).not.toMatch(/zr\d/);
  });

  it('uses an id once, and refers to ids that are there', () => {
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const named = [...page.matchAll(/aria-labelledby="([^"]+)"/g)].flatMap(([, names = '']) => names.split(' '));
    const clipped = [...page.matchAll(/url\(#([^)]+)\)/g)].map(([, id]) => id);
    expect(ids).toEqual(expect.arrayContaining([...named, ...clipped]));
  });

  it('names every drawing for those who cannot see it, or hides it where a table says the same', () => {
    for (const svg of svgsOf(page)) {
      expect(svg).toMatch(/^<svg (role="img" aria-labelledby="[^"]+"|[^>]*aria-hidden="true")/);
      if (svg.startsWith('<svg role'))
        expect(svg).toMatch(/<title id="[^"]+">[^<]+<\/title><desc id="[^"]+">[^<]+<\/desc>/);
    }
    expect(page).toContain('conf@0.5: 67');
  });

  it('holds the numbers', () => {
    const { clean, worstCase } = report.variants[2]!;
    expect(page).toContain(`${(100 * clean.accuracy).toFixed(1)}%<span class="interval">`);
    expect(page).toContain(`${(100 * worstCase.accuracy).toFixed(1)}%`);
    expect(page).toContain(report.checkpoint.sha256);
    expect(page).toContain(report.dataset.test.sha256);
    expect(page).toContain('ε = 8/255');
  });
});

describe('the sections of a page', () => {
  const headings = (options: Parameters<typeof makeRun>[0]) =>
    [...reportHtml(makeRun(options).report).matchAll(/<h2[^>]*>([^<]+)</g)].map(([, text]) => text);

  it('are all there for several thresholds', () => {
    expect(headings({})).toEqual([
      'Read this first',
      'Results',
      'Accuracy against the threshold',
      'After each attack',
      'Transfer',
      'Class by class',
      'Important units shared by classes',
      'Comparisons',
      'Cost',
      'What was run',
    ]);
  });

  it('are those that say something where there is little', () => {
    const little = ['Results', 'After each attack', 'Class by class', 'Cost', 'What was run'];
    expect(headings({ variants: [NONE], ranking: false })).toEqual(little);
  });

  it('come through with no base, one threshold, or many classes', () => {
    const runs = [
      { variants: [LOIR, RANDOM] },
      { variants: [conf(0.8)] },
      { variants: CONF_VARIANTS },
      { variants: [NONE, LOIR], classes: 30 },
      { images: 1 },
    ];
    for (const options of runs) {
      const { report, shards } = makeRun({ images: 200, ...options });
      const page = reportHtml(report, { shards });
      expect(checkWellFormed(page, VOID_ELEMENTS)).toEqual([]);
    }
  });
});

describe('text of others', () => {
  const hostile = `</title></svg><script>alert("1")</script><img src=x onerror='x'>&amp; $1 $& zr0-c0`;
  const { report } = makeRun({
    variants: [NONE, LOIR, ...CONF_VARIANTS],
    images: 200,
    classNames: Array(10).fill(hostile),
  });
  const evil = {
    ...report,
    run: {
      ...report.run,
      name: hostile,
      igdVersion: hostile,
      suite: [{ name: hostile, attack: hostile, group: hostile, crafted: false }],
    },
    checkpoint: { ...report.checkpoint, uri: hostile, architecture: hostile, notes: [hostile] },
    dataset: { ...report.dataset, format: hostile, test: { ...report.dataset.test, uri: hostile } },
    flags: [{ code: hostile, message: hostile }],
    ranking: { ...report.ranking, layer: hostile },
    variants: report.variants.map((variant) => ({ ...variant, id: hostile, flags: [{ code: 'x', message: hostile }] })),
    comparisons: report.comparisons.map((comparison) => ({ ...comparison, a: hostile, b: hostile })),
  };

  it('stays text, wherever it stands', () => {
    const page = reportHtml(evil);
    expect(page).not.toMatch(/<script|<img|<\/title><\/svg>/);
    expect(checkWellFormed(page, VOID_ELEMENTS)).toEqual([]);
    for (const svg of svgsOf(page)) expect(checkWellFormed(svg)).toEqual([]);
    const escaped = '&lt;/title&gt;&lt;/svg&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;';
    expect(page.split(escaped).length).toBeGreaterThan(30);
    expect(page).toContain('&amp;amp; $1 $&amp; zr0-c0');
  });
});

describe('html templates', () => {
  it('escape text and keep markup', () => {
    expect(html`<p title="${'"'}">${'<b>'} ${html`<i>${"'&"}</i>`} ${trusted('<hr>')}</p>`.text).toBe(
      '<p title="&quot;">&lt;b&gt; <i>&#39;&amp;</i> <hr></p>',
    );
  });

  it('write lists in a row, numbers as they are, and nothing for null', () => {
    expect(html`${[1, 'a', null, [html`<br>`]]}|${null}|${0}`.text).toBe('1a<br>||0');
  });
});

describe('the check for well-formedness', () => {
  it.each(['<a><b></a></b>', '<a>', '<a x=1></a>', '<a x="1></a>', 'a & b', 'a > b', '<a></a></b>', '<p>1 < 2</p>'])(
    'sees what is wrong with %s',
    (text) => {
      expect(checkWellFormed(text)).not.toEqual([]);
    },
  );

  it('lets pass what is right', () => {
    expect(checkWellFormed('<a x="1" y:z=""><b/>&lt;<br></a>', VOID_ELEMENTS)).toEqual([]);
  });
});
