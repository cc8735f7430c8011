import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { historyPage } from '../../../src/report/history/page.ts';
import { parameterSweepFiles } from '../../../src/report/parameter-sweep.ts';
import { drawPicture } from '../../../src/report/pictures.ts';
import { reportFiles } from '../../../src/report/report-files.ts';
import type { VariantPerturbations } from '../../../src/report/summary/perturbations.ts';
import type { ShardResult } from '../../../src/schemas/results.ts';
import { openBrowser } from '../../support/browser-page.ts';
import { findChromium, measurePages } from '../../support/chromium.ts';
import { scratch } from '../../support/cli.ts';
import { CONF_VARIANTS, LOIR, makeRun, NONE, type RunOptions } from './fixture.ts';
import { TWO } from './history-fixture.ts';

const PHONE = 390;
const SMALLEST_LETTER = 9;

/** CSS pixels between the margins of a page of A4. */
const A4 = 688;
/** What lies beyond them. */
const CUT = `[...document.querySelectorAll('table, figure, svg, p, h2, img')]
  .filter((element) => element.getBoundingClientRect().right > ${A4} + 1)
  .map((element) => element.tagName + ' ' + element.closest('section')?.querySelector('h2')?.textContent)`;

const browser = findChromium();

/** Runs in the browser: the text is what it goes by there. */
const MEASURE = `({ document, getComputedStyle }) => {
  const shown = [...document.body.querySelectorAll('*')].filter((element) => element.getClientRects().length > 0);
  const name = (element) => element.tagName + '.' + element.getAttribute('class') + ' ' + element.textContent.slice(0, 30);
  const scrolls = (element) => {
    const box = element.closest('.scroll');
    if (box === null) return false;
    const style = getComputedStyle(box);
    return style.overflowX === 'auto' && style.backgroundAttachment.includes('local') && box.getBoundingClientRect().right <= ${PHONE};
  };
  const wide = shown
    .filter((element) => element.closest('svg') === null || element.tagName === 'svg')
    .filter((element) => element.getBoundingClientRect().right > ${PHONE} + 0.5 && !scrolls(element));
  const letters = shown.filter(({ tagName }) => tagName === 'text');
  const size = (text) => parseFloat(getComputedStyle(text).fontSize) * Math.hypot(text.getScreenCTM().a, text.getScreenCTM().b);
  return {
    width: document.scrollingElement.scrollWidth,
    wide: wide.map(name),
    letters: letters.length,
    pictures: document.querySelectorAll('img').length,
    small: letters.filter((text) => size(text) < ${SMALLEST_LETTER}).map((text) => size(text).toFixed(1) + ' ' + name(text)),
  };
}`;

const WRONG = '<p style="width:500px">x</p><svg width="9" viewBox="0 0 20 20"><text>x</text></svg>';

const measurement = z.object({
  width: z.number(),
  wide: z.array(z.string()),
  letters: z.number(),
  pictures: z.number(),
  small: z.array(z.string()),
});

/** As if every broken image had been measured and some drawn. */
function measured(shards: readonly ShardResult[], variant: string): VariantPerturbations {
  const own = shards.filter((shard) => shard.variant === variant).flatMap((shard) => shard.images);
  const broken = own.filter(({ brokenBy }) => brokenBy !== null).map(({ image }) => image);
  const images = broken.map((image) => ({ image, nearest: 0.01, nearestBy: 'fab-t', distance: 0.01, l2: image }));
  const grey = new Float32Array(3 * 32 * 32).fill(0.5);
  const ends = [...new Set([...broken.slice(0, 3), ...broken.slice(-3)])];
  return { images, pictures: ends.map((image) => drawPicture(image, grey, grey, [3, 32, 32])!) };
}

const RUNS: readonly RunOptions[] = [
  {},
  { variants: [NONE, LOIR], classes: 100, images: 300, suite: ['apgd-ce', 'apgd-t', 'fab-t', 'square'] },
  { variants: CONF_VARIANTS, classNames: Array(10).fill('a class with quite a name') },
];

const pages = RUNS.map((options) => {
  const { report, shards } = makeRun({ images: 200, ...options });
  const perturbations = new Map(report.variants.map(({ id }) => [id, measured(shards, id)]));
  return reportFiles(report, shards, { perturbations }).get('report.html')!;
});

describe.skipIf(browser === undefined)('on a phone of 390 CSS pixels', () => {
  const { variants, run } = makeRun({ images: 100 }).report;
  const values = [4 / 255, 8 / 255, 12 / 255, 16 / 255];
  const sweep = parameterSweepFiles({
    schema: 'igd.sweep/1',
    name: 'radii',
    key: 'threat.epsilon',
    igdVersion: run.igdVersion,
    runs: values.map((value, place) => ({
      value,
      folder: `run-${place}`,
      id: run.id,
      images: run.images,
      variants: variants.map(({ id, mask, clean, robust, worstCase }) => ({ id, mask, clean, robust, worstCase })),
    })),
  });
  let found: z.infer<typeof measurement>[] = [];
  beforeAll(() => {
    const measuredPages = [...pages, sweep.get('sweep.html')!, historyPage(TWO), WRONG];
    found = z.array(measurement).parse(measurePages(browser!, measuredPages, PHONE, MEASURE));
  });

  test.each(
    ['a usual run', 'a hundred classes', 'long names', 'a sweep', 'a history'].map(
      (what, place) => [place, what] as const,
    ),
  )(
    '%i, %s: nothing is wider but in a box that scrolls and shows it, and letters of charts can be read',
    (place, what) => {
      const { width, wide, letters, pictures, small } = found[place]!;
      expect({ width, wide, small }).toEqual({ width: PHONE, wide: [], small: [] });
      expect(letters).toBeGreaterThan(10);
      expect(pictures > 0).toBe(!['a sweep', 'a history'].includes(what));
    },
  );

  test('a page that is wrong is told', () => {
    expect(found.at(-1)).toMatchObject({ wide: ['P.null x'], small: [expect.stringContaining('text')] });
  });
});

describe.skipIf(browser === undefined)('on paper', () => {
  const folder = scratch();
  afterAll(() => folder.remove());

  test('nothing is cut at the right edge, and charts are the wide ones', async () => {
    const page = await openBrowser(browser ?? '');
    try {
      for (const [place, text] of [...pages, historyPage(TWO)].entries()) {
        writeFileSync(folder.path(`${place}.html`), text);
        const url = pathToFileURL(folder.path(`${place}.html`)).href;
        await page.open(url, { width: A4, media: 'print' });
        expect(await page.evaluate(CUT)).toEqual([]);
        expect(await page.evaluate("document.querySelector('.narrow-chart').getClientRects().length")).toBe(0);
      }
    } finally {
      await page.close();
    }
  });
});
