import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { igd, scratch, writeJson } from '../support/cli.ts';
import { missingFrom } from '../support/records.ts';

/** CIFAR-10: a label and the pixels. */
const RECORD = 1 + 3 * 32 * 32;
/** Not the numbers of the run: how long it took, and where its files are. */
const IGNORED = new Set(['igdVersion', 'seconds', 'uri']);

const folder = scratch();
afterAll(() => folder.remove());

/** The first images of the demo's file: as many as the first edition's report is on, whatever the file has today. */
function cut(name: string, images: number): string {
  const path = folder.path(name);
  writeFileSync(path, readFileSync(join('examples/demo', name)).subarray(0, images * RECORD));
  return path;
}

test("the demo gives the numbers of the first edition's, every one of them", async () => {
  const before: unknown = JSON.parse(readFileSync('test/fixtures/first-edition/demo.report.json', 'utf8'));
  const demo = JSON.parse(readFileSync('examples/demo/config.json', 'utf8'));
  copyFileSync('examples/demo/classes.txt', folder.path('classes.txt'));
  const data = { test: cut('test.bin', 64), testImages: 64, probe: cut('train.bin', 200), probeImages: 200 };
  const config = writeJson(folder.path('config.json'), { ...demo, dataset: { ...demo.dataset, ...data } });
  const out = folder.path('out');
  const { code, stderr } = await igd(['run', config, '--out', out, '--rankings', folder.path('rankings')]);
  expect(code, stderr).toBe(0);
  const now: unknown = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'));
  expect(missingFrom(now, before, IGNORED)).toEqual([]);
});
