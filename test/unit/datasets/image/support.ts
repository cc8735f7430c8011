import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { openDataset } from '../../../../src/datasets/open.ts';

/** What test/fixtures/images/make.py wrote. */
export const IMAGES = join(import.meta.dirname, '../../../fixtures/images');

/** Bytes as a PNG of `width` x `height` RGB pixels. */
export function png(bytes: Uint8Array, width: number, height: number): Promise<Buffer> {
  return sharp(bytes, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

/** A PNG of one colour. */
export function plainPng(value: number, width = 4, height = width): Promise<Buffer> {
  return png(new Uint8Array(width * height * 3).fill(value), width, height);
}

/** Writes files below a folder, which is made. */
export function tree(root: string, files: Readonly<Record<string, Uint8Array | string>>): string {
  mkdirSync(root, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    if (!name.endsWith('/')) writeFileSync(join(root, name), bytes);
    else mkdirSync(join(root, name), { recursive: true });
  }
  return root;
}

/** The demo's first images as a folder of PNGs, named so that torchvision's order is the order of the .bin. */
export async function demoFolder(root: string, split: 'train' | 'test', count: number): Promise<string> {
  const data = await openDataset({ format: 'cifar10', path: `examples/demo/${split}.bin`, split, limit: count });
  const files: Record<string, Uint8Array | string> = { 'classes.txt': (data.classNames ?? []).join('\n') };
  for (let image = 0; image < count; image++) {
    const planes = await data.pixels(image, 1);
    const size = planes.length / 3;
    const bytes = Uint8Array.from(planes, (_, i) =>
      Math.round((planes[(i % 3) * size + Math.floor(i / 3)] ?? 0) * 255),
    );
    const folder = data.classNames?.[data.labels[image] ?? -1] ?? '';
    files[`${folder}/${String(image).padStart(4, '0')}.png`] = await png(bytes, 32, 32);
  }
  return tree(root, files);
}
