import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { parameterSweepFiles } from '../../../src/report/parameter-sweep.ts';
import { reportFiles } from '../../../src/report/report-files.ts';
import { findChromium, measurePages } from '../../support/chromium.ts';
import { CONF_VARIANTS, LOIR, makeRun, NONE, type RunOptions } from './fixture.ts';

const PHONE = 390;
const SMALLEST_LETTER = 9;

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
    small: letters.filter((text) => size(text) < ${SMALLEST_LETTER}).map((text) => size(text).toFixed(1) + ' ' + name(text)),
  };
}`;

const WRONG = '<p style="width:500px">x</p><svg width="9" viewBox="0 0 20 20"><text>x</text></svg>';

const measured = z.object({
  width: z.number(),
  wide: z.array(z.string()),
  letters: z.number(),
  small: z.array(z.string()),
});

const RUNS: readonly RunOptions[] = [
  {},
  { variants: [NONE, LOIR], classes: 100, images: 300, suite: ['apgd-ce', 'apgd-t', 'fab-t', 'square'] },
  { variants: CONF_VARIANTS, classNames: Array(10).fill('a class with quite a name') },
];

describe.skipIf(browser === undefined)('on a phone of 390 CSS pixels', () => {
  const pages = RUNS.map((options) => {
    const { report, shards } = makeRun({ images: 200, ...options });
    return reportFiles(report, shards).get('report.html')!;
  });
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
  const found = z
    .array(measured)
    .parse(measurePages(browser ?? '', [...pages, sweep.get('sweep.html')!, WRONG], PHONE, MEASURE));

  test.each(
    ['a usual run', 'a hundred classes', 'long names', 'a sweep'].map((what, place) => [what, found[place]!] as const),
  )(
    '%s: nothing is wider but in a box that scrolls and shows it, and letters of charts can be read',
    (_, { width, wide, letters, small }) => {
      expect({ width, wide, small }).toEqual({ width: PHONE, wide: [], small: [] });
      expect(letters).toBeGreaterThan(10);
    },
  );

  test('a page that is wrong is told', () => {
    expect(found.at(-1)).toMatchObject({ wide: ['P.null x'], small: [expect.stringContaining('text')] });
  });
});
