// Pictures of pages in headless Chromium. CHROMIUM_PATH names another browser than `chromium` on the PATH.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome'];
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--hide-scrollbars',
];
const TIMEOUT_MS = 60_000;

/** Ends with one line. */
export function fail(message) {
  process.stderr.write(`${basename(process.argv[1], '.mjs')}: ${message}\n`);
  process.exit(1);
}

/** A folder that is gone at the end. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'igd-picture-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

/** Writes a picture of a page, `width` by `height` CSS pixels at `scale` device pixels each, into a folder, with a profile there. */
export function photograph(url, { width, height, scale, folder }) {
  const given = process.env.CHROMIUM_PATH;
  const file = join(folder, 'page.png');
  const page = [
    `--force-device-scale-factor=${scale}`,
    `--user-data-dir=${join(folder, 'profile')}`,
    `--window-size=${width},${height}`,
    `--screenshot=${file}`,
    url,
  ];
  for (const browser of given ? [given] : BROWSERS) {
    const { error, status, stderr } = spawnSync(browser, [...FLAGS, ...page], {
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
    });
    if (error?.code === 'ENOENT') continue;
    if (existsSync(file)) return file;
    fail(`${browser} took no picture: ${error?.message ?? stderr.trim().split('\n').at(-1) ?? `exit code ${status}`}`);
  }
  return fail(`${given ?? BROWSERS.join(', ')} not found: install Chromium, or name it in CHROMIUM_PATH`);
}
