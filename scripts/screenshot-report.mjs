// Takes the pictures of the demo's report anew, in headless Chromium: docs/report.png, its top, cut in a gap between two sections;
// docs/report-examples.png, further down; docs/report-phone.png, as a phone shows it, light and dark.
//
// npm run demo && npm run docs:report-picture        (CHROMIUM_PATH names another browser than `chromium` on the PATH)
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { fail, photograph, temporaryFolder } from './photograph.mjs';

const REPORT = fileURLToPath(new URL('../runs/demo/report.html', import.meta.url));
const DOCS = fileURLToPath(new URL('../docs/', import.meta.url));

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

/** Views of the page in frames side by side: each begins at a heading, or at the top. */
const VIEWS = [
  { file: 'report-examples.png', scale: 1.25, frames: [{ width: 1280, height: 1090, at: 'What is taken for what' }] },
  {
    file: 'report-phone.png',
    scale: 1.5,
    frames: [
      { width: 390, height: 844, at: null },
      { width: 390, height: 844, at: 'After each attack', scheme: 'dark' },
      { width: 390, height: 844, at: 'Adversarial examples' },
    ],
  },
];
const GAP = 16;

/** A page of frames: a window of its own is never as narrow as a phone. */
function framesPage(frames) {
  const source = readFileSync(REPORT, 'utf8').replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  const parts = frames.map(
    ({ width, height, at, scheme = 'light' }) =>
      `<iframe data-at="${at ?? ''}" style="width:${width}px;height:${height}px;color-scheme:${scheme}" srcdoc="${source}"></iframe>`,
  );
  return `<!doctype html><meta charset="utf-8"><style>
body { margin: 0; display: flex; gap: ${GAP}px; background: #c9ced8; }
iframe { border: 0; flex: none; }
</style>${parts.join('')}<script>
addEventListener('load', () => {
  for (const frame of document.querySelectorAll('iframe')) {
    const { contentWindow: page } = frame;
    const heading = [...page.document.querySelectorAll('h2')].find(({ textContent }) => textContent === frame.dataset.at);
    if (heading) page.scrollTo(0, heading.getBoundingClientRect().top - 24);
  }
});
</script>`;
}

/** Writes a picture into docs, small: a page has few colours, photographs in it hardly show that. */
async function keep(picture, name) {
  const { width, height, size } = await picture
    .png({ palette: true, compressionLevel: 9, effort: 10 })
    .toFile(join(DOCS, name));
  process.stdout.write(`docs/${name}: ${width} x ${height}, ${Math.round(size / 1000)} KB\n`);
}

if (!existsSync(REPORT)) fail('runs/demo/report.html is not there: npm run demo');
const folder = temporaryFolder();
const taken = { width: WIDTH, height: HIGHEST_CUT + MARGIN, scale: SCALE, folder };
const picture = sharp(photograph(pathToFileURL(REPORT).href, taken));
const height = cutOf(await blankRows(picture));
await keep(picture.extract({ left: 0, top: 0, width: SCALE * WIDTH, height }), 'report.png');
for (const { file, scale, frames } of VIEWS) {
  const path = join(folder, 'frames.html');
  writeFileSync(path, framesPage(frames));
  const width = frames.reduce((sum, frame) => sum + frame.width + GAP, -GAP);
  const height = Math.max(...frames.map((frame) => frame.height));
  const bytes = readFileSync(photograph(pathToFileURL(path).href, { width, height, scale, folder }));
  await keep(sharp(bytes), file);
}
