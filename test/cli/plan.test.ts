import { existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TimedEstimate } from '../../src/cli/plan-text.ts';
import type { SweepEstimate } from '../../src/cli/sweep-plan-text.ts';
import { reportSchema } from '../../src/schemas/report.ts';
import { igd, scratch, smallConfig, writeJson } from '../support/cli.ts';

let folder: ReturnType<typeof scratch>;
beforeEach(() => {
  folder = scratch();
});
afterEach(() => folder.remove());

describe('igd plan', () => {
  test('bounds what the run then evaluates, attack by attack', async () => {
    const config = writeJson(folder.path('config.json'), smallConfig());
    const rankings = ['--rankings', folder.path('rankings')];
    const planned = await igd([
      'plan',
      config,
      ...rankings,
      '--json',
      '--calibrate-seconds',
      '1',
      '--price-per-hour',
      '36',
    ]);
    expect(planned).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(folder.path('rankings'))).toBe(false);
    const estimate: TimedEstimate = JSON.parse(planned.stdout);
    expect(estimate.stages).toEqual([
      { stage: 'rank', jobs: 1, left: 1 },
      { stage: 'evaluate', jobs: 12, left: 12 },
      { stage: 'transfer', jobs: 12, left: 12 },
    ]);
    expect(estimate.rankings).toEqual([{ method: 'loir', layer: 'layer4', images: 200, trunks: 1, tails: 0 }]);

    expect((await igd(['run', config, '--out', folder.path('out'), ...rankings])).code).toBe(0);
    const report = reportSchema.parse(JSON.parse(readFileSync(folder.path('out/report.json'), 'utf8')));
    for (const { id, attacks } of report.variants) {
      const predicted = estimate.variants.find((variant) => variant.id === id)!.attacks;
      expect(predicted.map(({ attack }) => attack)).toEqual(attacks.map(({ attack }) => attack));
      for (const [index, { forwards, gradients }] of attacks.entries()) {
        const { most, perImage } = predicted[index]!;
        expect(forwards).toBeLessThanOrEqual(most.forwards);
        expect(gradients).toBeLessThanOrEqual(most.gradients);
        expect(gradients).toBeGreaterThan(0);
        expect(most.gradients).toBe(perImage.gradients * report.run.images);
      }
      // Every correct image pays for the first attack in full.
      const correct = report.variants.find((variant) => variant.id === id)!.clean.correct;
      expect(attacks[0]!.gradients).toBe(correct * predicted[0]!.perImage.gradients);
    }
    const { seconds, rates } = estimate.time!;
    expect(Object.keys(rates.models)).toEqual(['base', 'defended']);
    expect(seconds.expected).toBeGreaterThan(0);
    expect(seconds.most).toBeGreaterThan(seconds.expected);
    expect(estimate.cost).toEqual({
      pricePerHour: 36,
      expected: expect.closeTo(seconds.expected / 100, 9),
      most: expect.closeTo(seconds.most / 100, 9),
    });

    const again: TimedEstimate = JSON.parse(
      (await igd(['plan', config, ...rankings, '--json', '--calibrate-seconds', '0'])).stdout,
    );
    expect(again.stages[0]).toEqual({ stage: 'rank', jobs: 1, left: 0 });
    expect(again).toMatchObject({ rankings: [], time: null, cost: null, assumption: { correct: 1, holdOut: 0.5 } });
  });

  test('says in words what it assumes, with each attack on all images where the protocol is individual', async () => {
    const config = writeJson(folder.path('config.json'), smallConfig({ protocol: 'individual', layer: 'layer3' }));
    const { code, stdout } = await igd([
      ...['plan', config, '--rankings', folder.path('rankings'), '--hold-out', '0.25'],
      ...['--calibrate-seconds', '0.5', '--price-per-hour', '1.01'],
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain('small: 12 images, 4 variants, 3 shards of up to 4 images');
    expect(stdout).toContain('ranking loir: 200 forwards, and up to 6,600 runs of the layers behind the mask');
    expect(stdout).toMatch(/apgd-t +\d+ +\d+ +12 +216\n/);
    expect(stdout).toContain('25.0% of these withstand the first attack');
    expect(stdout).toMatch(/time {2}[\d.]+ (s|min)/);
    expect(stdout).toMatch(/cost {2}[\d.]+, at most [\d.]+, at 1.01 an hour/);
  });

  test('counts once what the runs of a parameter sweep share', async () => {
    const config = writeJson(folder.path('config.json'), smallConfig({ sweep: { temperature: [0.5, 1] } }));
    const { stdout, stderr, code } = await igd([
      ...['plan', config, '--rankings', folder.path('rankings'), '--calibrate-seconds', '0', '--json'],
    ]);
    expect([code, stderr]).toEqual([0, '']);
    const { runs, seconds, cost }: SweepEstimate = JSON.parse(stdout);
    expect(runs.map(({ folder: name, estimate }) => [name, ...estimate.stages.map(({ left }) => left)])).toEqual([
      ['temperature=0.5', 1, 12, 12],
      // The ranking, and the three shards of the undefended model.
      ['temperature=1', 0, 9, 12],
    ]);
    expect([seconds, cost]).toEqual([null, null]);
  });

  test.each([
    ['a share above one', ['--hold-out', '2'], 'share from 0 to 1'],
    ['a negative price', ['--price-per-hour', '-1'], 'a number from 0'],
  ])('refuses %s', async (_, flags, message) => {
    const config = writeJson(folder.path('config.json'), smallConfig());
    const { code, stderr } = await igd(['plan', config, ...flags]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
