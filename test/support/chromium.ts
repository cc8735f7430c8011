import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome'];
const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync', '--hide-scrollbars', '--window-size=1400,900', '--dump-dom'],
];

/** The browser that CHROMIUM_PATH names, or the first on the PATH; undefined, with a line that says so, where there is none. */
export function findChromium(): string | undefined {
  const given = process.env.CHROMIUM_PATH;
  const found = (given ? [given] : BROWSERS).find(
    (name) => spawnSync(name, ['--version'], { stdio: 'ignore', timeout: 20_000 }).status === 0,
  );
  if (found === undefined)
    process.stderr.write('skipped: no Chromium on the PATH, and none in CHROMIUM_PATH, to measure pages in\n');
  return found;
}

/**
 * What `measure`, the text of a function of a window, gives for each page in a frame of `width` CSS pixels. Pages are loaded as they
 * are, their policy included: the frame's script is that of the page around it.
 */
export function measurePages(browser: string, pages: readonly string[], width: number, measure: string): unknown[] {
  const folder = mkdtempSync(join(tmpdir(), 'igd-pages-'));
  try {
    const frames = pages.map((page) => {
      const source = page.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
      return `<iframe style="width:${width}px;height:800px;border:0" srcdoc="${source}"></iframe>`;
    });
    const script = `addEventListener('load', () => {
  const found = [...document.querySelectorAll('iframe')].map(({ contentWindow }) => (${measure})(contentWindow));
  document.body.textContent = JSON.stringify(found);
  document.body.id = 'found';
});`;
    const file = join(folder, 'pages.html');
    writeFileSync(file, `<!doctype html><meta charset="utf-8"><body>${frames.join('')}<script>${script}</script>`);
    const flags = [...FLAGS, `--user-data-dir=${join(folder, 'profile')}`, pathToFileURL(file).href];
    const { stdout } = spawnSync(browser, flags, { encoding: 'utf8', timeout: 60_000, maxBuffer: 1 << 28 });
    const text = /<body id="found">(.*)<\/body>/s.exec(stdout)?.[1];
    if (text === undefined) throw new Error(`${browser} measured nothing: ${stdout.slice(0, 500)}`);
    return JSON.parse(text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'));
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
