// Takes docs/report.png anew: the top of the demo's report in headless Chromium, cut in a gap between two sections.
//
// npm run demo && npm run docs:report-picture        (CHROMIUM_PATH names another browser than `chromium` on the PATH)
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { fail, photograph, temporaryFolder } from './photograph.mjs';

const REPORT = fileURLToPath(new URL('../runs/demo/report.html', import.meta.url));
const PICTURE = fileURLToPath(new URL('../docs/report.png', import.meta.url));

/** CSS pixels: the page's column and its margins. A README shows it a little smaller. */
const WIDTH = 1000;

/** Device pixels a CSS pixel, so that text is sharp on dense displays too. */
const SCALE = 2;

/** The picture ends in the tallest gap between these two heights: below the table of results. */
const LOWEST_CUT = 900;
const HIGHEST_CUT = 1300;

/** White below the last row that is shown. */
const MARGIN = 40;

/** Rows where every pixel is that of the row's first. */
async function blankRows(picture) {
  const { data, info } = await picture.clone().greyscale().raw().toBuffer({ resolveWithObject: true });
  const stride = info.width * info.channels;
  return Array.from({ length: info.height }, (_, row) => {
    const pixels = data.subarray(row * stride, (row + 1) * stride);
    return pixels.every((value) => value === pixels[0]);
  });
}

/** The height to keep, in device pixels: the first row of the tallest gap, and a margin. */
function cutOf(blank) {
  let best = { start: SCALE * HIGHEST_CUT, rows: 0 };
  for (let start = SCALE * LOWEST_CUT; start < SCALE * HIGHEST_CUT; start += 1) {
    if (!blank[start] || blank[start - 1]) continue;
    let end = start;
    while (blank[end]) end += 1;
    if (end - start > best.rows) best = { start, rows: end - start };
  }
  return best.start + Math.min(SCALE * MARGIN, best.rows);
}

if (!existsSync(REPORT)) fail('runs/demo/report.html is not there: npm run demo');
const taken = { width: WIDTH, height: HIGHEST_CUT + MARGIN, scale: SCALE, folder: temporaryFolder() };
const picture = sharp(photograph(pathToFileURL(REPORT).href, taken));
const height = cutOf(await blankRows(picture));
const { width, size } = await picture
  .extract({ left: 0, top: 0, width: SCALE * WIDTH, height })
  .png({ palette: true, compressionLevel: 9, effort: 10 })
  .toFile(PICTURE);
process.stdout.write(`docs/report.png: ${width} x ${height}, ${Math.round(size / 1000)} KB\n`);
