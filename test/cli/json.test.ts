import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { reportSchema } from '../../src/schemas/report.ts';
import { igd, scratch, smallConfig, writeJson } from '../support/cli.ts';

const folder = scratch();
const rankings = ['--rankings', folder.path('rankings')];
const out = folder.path('run');
const config = writeJson(folder.path('config.json'), smallConfig({ variants: ['none'] }));
let first: Awaited<ReturnType<typeof igd>>;
beforeAll(async () => {
  first = await igd(['run', config, '--out', out, '--json', '--quiet', ...rankings]);
});
afterAll(() => folder.remove());

/** What a command prints with `--json`, which has to be one document. */
async function printed(...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await igd([...args, '--json']);
  expect({ code, problem: stderr.match(/igd: .*/)?.[0] }).toEqual({ code: 0, problem: undefined });
  return JSON.parse(stdout);
}

describe('--json', () => {
  test('of a run is its report, and with --quiet there is nothing else', async () => {
    expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 0, stderr: '' });
    const report = reportSchema.parse(JSON.parse(first.stdout));
    expect(await printed('report', out, ...rankings)).toEqual(report);
  });

  test('of verify and export says what was found', async () => {
    const { checked, failures } = z
      .strictObject({ checked: z.int().positive(), failures: z.array(z.unknown()) })
      .parse(await printed('verify', out, ...rankings));
    expect(failures).toEqual([]);
    expect(await printed('export', out, '--to', folder.path('arrays'))).toEqual({
      folder: folder.path('arrays'),
      variants: { none: { images: 12, adversarial: checked } },
    });
  });

  test('of verify --quantise says what its report says, and is not there unasked', async () => {
    const { variants } = reportSchema.parse(JSON.parse(first.stdout));
    const expected = variants.map(({ id, robust, quantised }) => ({ variant: id, robust, quantised }));
    expect(expected[0]?.quantised?.examples).toBeGreaterThan(0);
    expect(await printed('verify', out, '--quantise', '8', ...rankings)).toMatchObject({ quantised: expected });
    // A bit a channel leaves nothing of them.
    const coarse = await igd(['verify', out, '--quantise', '1', ...rankings]);
    expect(coarse.stdout).toMatch(/^none: rounded to 1 bit, .*\n.*upper bound.*\nall \d+ adversarial examples hold/);
    const refused = await igd(['verify', out, '--quantise', '0', ...rankings]);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('give a number of bits, 1 to 16') });
  });

  test('of validate and import says what the model is', async () => {
    const model = z.looseObject({ architecture: z.string(), classes: z.literal(10) });
    const { inputs } = z
      .looseObject({ inputs: z.looseObject({ checkpoint: model }) })
      .parse(await printed('validate', config));
    const demo = 'examples/demo/shapes10-rn18-w8.pt';
    const imported = model.parse(await printed('import', demo, '--out', folder.path('m.onnx')));
    expect(imported.architecture).toBe(inputs.checkpoint.architecture);
  });

  test('of predict and rank says how much is right, and how sound a ranking is', async () => {
    const demo = ['examples/demo/shapes10-rn18-w8.pt', '--data', 'examples/demo/test.bin'];
    const found = await printed('predict', ...demo, '--first', '20');
    expect(found).toMatchObject({ images: 20, unpredicted: [], idleGradients: [], notes: [] });
    // What is said of the images is said to programs too.
    const image = readFileSync('examples/demo/test.bin').subarray(0, 3073);
    writeFileSync(folder.path('twice.bin'), Buffer.concat([image, image]));
    const twice = await printed('predict', demo[0]!, '--data', folder.path('twice.bin'));
    expect(twice).toMatchObject({ images: 2, notes: [{ code: 'copies' }] });
    const ranked = ['--layer', 'layer4', '--images', '100', '--out', folder.path('r.json')];
    const ranking = await printed('rank', ...demo, ...ranked);
    expect(ranking).toMatchObject({ method: 'loir', layer: 'layer4', images: 100, notes: [] });
  });
});
