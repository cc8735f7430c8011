import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { batchesOf } from '../src/datasets/dataset.ts';
import { datasetDigest } from '../src/datasets/digest.ts';
import { openDataset } from '../src/datasets/open.ts';
import { keyedStream } from '../src/numeric/random.ts';

/**
 * Reads a folder of generated JPEGs of ImageNet's size once through and prints the images a second and the memory of the
 * process along the way, which should not grow. `npx tsx bench/image-folder.ts [images] [preprocessing]`
 */
const count = Number(process.argv[2] ?? 3000);
const preprocessing = process.argv[3] === 'Crop288' ? 'Crop288' : 'Res256Crop224';
const BATCH = 50;
const CLASSES = 10;
const [WIDTH, HEIGHT] = [500, 375];

const root = mkdtempSync(join(tmpdir(), 'igd-bench-'));
try {
  await generate();
  const spec = { format: 'imagefolder', path: root, split: 'test', preprocessing } as const;
  const hashed = performance.now();
  await datasetDigest(spec);
  console.info(`digest: ${((performance.now() - hashed) / 1000).toFixed(2)} s`);
  const dataset = await openDataset(spec);
  const started = performance.now();
  for await (const { first } of batchesOf(dataset, BATCH)) {
    if (first % (10 * BATCH) === 0) report(first);
  }
  report(count);
  console.info(`${(count / ((performance.now() - started) / 1000)).toFixed(0)} images a second`);
} finally {
  rmSync(root, { recursive: true });
}

function report(images: number): void {
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  const peak = process.resourceUsage().maxRSS * 1024;
  const [now, most, heap, buffers] = [rss, peak, heapUsed, arrayBuffers].map((bytes) => (bytes / 1e6).toFixed(0));
  console.info(`${images} images: RSS ${now} MB, at most ${most}; heap ${heap}, buffers ${buffers}`);
}

/** Blurred noise: decodes as a photograph does. The same few, so that making them takes seconds. */
async function generate(): Promise<void> {
  const random = keyedStream(['bench', 'images']);
  for (let c = 0; c < CLASSES; c++) {
    mkdirSync(join(root, `class${c}`));
    const noise = Uint8Array.from({ length: 75 * 100 * 3 }, () => random.integer(256));
    const image = sharp(noise, { raw: { width: 100, height: 75, channels: 3 } }).resize(WIDTH, HEIGHT);
    const jpeg = await image.jpeg({ quality: 92 }).toBuffer();
    for (let i = c; i < count; i += CLASSES) writeFileSync(join(root, `class${c}`, `${i}.jpg`), jpeg);
  }
}
