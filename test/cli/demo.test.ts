import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openModel, readImages } from '../../src/index.ts';
import { reportSchema } from '../../src/schemas/report.ts';
import { igd, scratch, writeJson } from '../support/cli.ts';
import { missingFrom } from '../support/records.ts';
import { hasRequirement } from '../support/require.ts';

/** Not the numbers of the run: how long it took, and where its files are. */
const IGNORED = new Set(['igdVersion', 'seconds', 'uri']);

/** What the fixture's machine made of the demo's first images: float32 is rounded as a processor's kernels do it. */
const LOGITS_SHA256 = '2312cafb6dc82eb1bbb4d9a50188f100403f82a22b3865300f0cb1b0bbaf74e2';

/** One threshold stands for all: at this temperature they mask alike. */
const VARIANTS = ['none', 'loir', { mask: 'conf', thresholds: [0.9] }];

const folder = scratch();
afterAll(() => folder.remove());

async function logitsDigest(): Promise<string> {
  const model = await openModel('examples/demo/shapes10-rn18-w8.pt', { threads: 1 });
  const { images } = await readImages('examples/demo/test-64.bin');
  const logits = await model.logits(images).finally(() => model.release());
  return createHash('sha256').update(new Uint8Array(logits.buffer)).digest('hex');
}

test.runIf(hasRequirement('whole'))(
  "the demo gives the numbers of the first edition's, every one of them",
  { timeout: 600_000 },
  async () => {
    const before = JSON.parse(readFileSync('test/fixtures/first-edition/demo.report.json', 'utf8'));
    const { name } = JSON.parse(readFileSync('examples/demo/config.json', 'utf8'));
    const quick = JSON.parse(readFileSync('examples/demo/quick.json', 'utf8'));
    const config = writeJson(folder.path('config.json'), { ...quick, name, variants: VARIANTS });
    const out = folder.path('out');
    const { code, stderr } = await igd(['run', config, '--out', out, '--rankings', folder.path('rankings')]);
    expect(code, stderr).toBe(0);
    const now = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'));
    if ((await logitsDigest()) === LOGITS_SHA256) {
      expect(missingFrom(now, before, IGNORED)).toEqual([]);
      return;
    }
    console.info(
      'this processor rounds otherwise than that of the fixture: accuracies are compared to two images, not to the last bit',
    );
    const accuracies = (report: unknown) =>
      reportSchema.parse(report).variants.map(({ id, clean, robust }) => [id, clean.correct, robust.correct] as const);
    for (const [row, [id, clean, robust]] of accuracies(now).entries()) {
      const [idBefore, cleanBefore = Number.NaN, robustBefore = Number.NaN] = accuracies(before)[row] ?? [];
      expect(id).toBe(idBefore);
      expect(Math.abs(clean - cleanBefore)).toBeLessThanOrEqual(2);
      expect(Math.abs(robust - robustBefore)).toBeLessThanOrEqual(2);
    }
  },
);
