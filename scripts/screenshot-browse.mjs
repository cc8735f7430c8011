// Takes docs/browse.png and docs/history.png anew: the list of `igd browse` in headless Chromium, over small runs of the demo's model that are made
// for it, and the page of a schedule's history, which is made up.
//
// npm run build && npm run docs:browse-picture       (CHROMIUM_PATH names another browser than `chromium` on the PATH)
import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { fail, photograph, temporaryFolder } from './photograph.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WIDTH = { width: 1280, scale: 1.5 };

const demo = (name, changes) => ({
  name,
  checkpoint: { uri: 'examples/demo/shapes10-rn18-w8.pt' },
  dataset: {
    format: 'cifar10',
    ...{ test: 'examples/demo/test.bin', probe: 'examples/demo/train.bin' },
    ...{ testImages: 128, probeImages: 200 },
  },
  layer: 'layer4',
  importantUnits: 16,
  variants: ['none', 'loir'],
  threat: { norm: 'Linf', epsilon: '8/255' },
  suite: [
    { attack: 'apgd-ce', iterations: 20 },
    { attack: 'apgd-t', iterations: 10, targets: 3 },
  ],
  ...changes,
});

/** By folder. */
const RUNS = {
  baseline: demo('baseline', {}),
  temperatures: demo('temperatures', { sweep: { temperature: [0.01, 1] } }),
  l2: demo('l2', { threat: { norm: 'L2', epsilon: 0.5 } }),
};

const folder = temporaryFolder();
for (const [name, config] of Object.entries(RUNS)) {
  const file = join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify(config));
  const out = join(folder, 'runs', name);
  const args = ['bin/igd.mjs', 'run', file, '--out', out, '--rankings', join(folder, 'rankings')];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) fail(stderr.trim().split('\n').at(-1));
}

const histories = join(folder, 'histories');
const made = spawnSync('npx', ['tsx', 'scripts/made-up-history.ts', histories], { cwd: ROOT, encoding: 'utf8' });
if (made.status !== 0) fail(made.stderr.trim().split('\n').at(-1));

await take('docs/browse.png', { shown: 'runs', page: '', height: 760 });
await take('docs/history.png', { shown: 'histories', page: 'open?entry=weekly-cifar10', height: 1176 });

/** The picture of a page of `igd browse` over a folder, started above it, so that the page calls it by its name. */
async function take(picture, { shown, page, height: tall }) {
  const server = spawn(process.execPath, [join(ROOT, 'bin/igd.mjs'), 'browse', shown], { cwd: folder });
  const address = await new Promise((resolve, reject) => {
    server.stdout.once('data', (chunk) => resolve(String(chunk).split('\n', 1)[0]));
    server.once('close', () => reject(new Error('igd browse ended')));
  });
  const taken = photograph(new URL(page, address).href, { ...WIDTH, height: tall, folder });
  server.removeAllListeners('close').kill();
  const file = sharp(taken).png({ palette: true, compressionLevel: 9, effort: 10 });
  const { width, height, size } = await file.toFile(join(ROOT, picture));
  process.stdout.write(`${picture}: ${width} x ${height}, ${Math.round(size / 1000)} KB\n`);
}
