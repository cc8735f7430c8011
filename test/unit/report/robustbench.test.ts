import { describe, expect, it } from 'vitest';
import { resolveSuite } from '../../../src/attacks/suites.ts';
import { robustBenchEntry, robustBenchJson, unknownFields } from '../../../src/report/robustbench.ts';
import { autoAttackVersion } from '../../../src/runs/robustbench.ts';
import type { Report, VariantReport } from '../../../src/schemas/report.ts';
import { conf, LOIR, makeRun, NONE, TWO_PASS } from './fixture.ts';

const { report } = makeRun({ variants: [NONE, TWO_PASS, LOIR, conf(0.8)] });
const variant = (id: string): VariantReport => report.variants.find((one) => one.id === id)!;

/** The same results on as many images as the leaderboard wants. */
const onLeaderboard = (changes: Partial<Report['run']> = {}): Report => ({
  ...report,
  run: { ...report.run, images: 10_000, ...changes },
});

describe('an entry for RobustBench', () => {
  it('of an undefended model under standard AutoAttack has the fields of model_info, in their order', () => {
    const none = { ...variant('none'), flags: [] };
    const withstands = { ...none, worstCase: none.robust };
    expect(robustBenchJson(robustBenchEntry(onLeaderboard(), withstands, 'standard'))).toBe(`{
  "link": null,
  "name": null,
  "authors": null,
  "additional_data": null,
  "number_forward_passes": 1,
  "dataset": "cifar10",
  "venue": null,
  "architecture": "ResNet-18 (width 16)",
  "eps": "8/255",
  "clean_acc": "${(none.clean.correct / 10).toFixed(2)}",
  "reported": null,
  "autoattack_acc": "${(none.robust.correct / 10).toFixed(2)}",
  "unreliable": false
}
`);
  });

  it('of a defence that transferred examples undo gives the lower number as external and calls AutoAttack unreliable', () => {
    const loir = variant('loir');
    expect(loir.flags.map(({ code }) => code)).toContain('transfer-removes-gain');
    const entry = robustBenchEntry(onLeaderboard(), loir, 'standard');
    expect(entry).toMatchObject({
      number_forward_passes: 2,
      autoattack_acc: (loir.robust.correct / 10).toFixed(2),
      external: (loir.worstCase.correct / 10).toFixed(2),
      unreliable: true,
    });
    expect(Number(entry.external)).toBeLessThan(Number(entry.autoattack_acc));
    expect(entry.footnote).toBe(
      'Test-time defence "loir": a first pass masks layer4 of the second, which keeps 16 of 128 units. ' +
        `${entry.external}% robust accuracy is due to AutoAttack plus transfer from none, two-pass and conf@0.8.`,
    );
  });

  it('says what is not the leaderboard: images, threat model, version, smoothing', () => {
    const run = { images: 500, threat: { norm: 'Linf', epsilon: 2 / 255 }, smoothing: { samples: 3, sigma: 16 / 255 } };
    const entry = robustBenchEntry(onLeaderboard(run), variant('conf@0.8'), 'plus');
    expect(entry.number_forward_passes).toBe(4);
    expect(entry.eps).toBe('2/255');
    expect(entry.footnote).toContain('"plus" version');
    expect(entry.footnote).toContain('fading in above confidence 0.8; Gaussian noise of 16/255');
    expect(entry.footnote).toContain('Evaluated on 500 of 10,000 images.');
    expect(entry.footnote).toContain('Threat model Linf, 2/255: the leaderboard has 8/255.');
    const l1 = robustBenchEntry(onLeaderboard({ threat: { norm: 'L1', epsilon: 12 } }), variant('none'), 'standard');
    expect(l1.footnote).toContain('Threat model L1, 12: no leaderboard has it.');
    const shapes = [...report.dataset.classNames.slice(1), 'circle'];
    for (const other of [{ format: 'npy' }, { classNames: shapes }]) {
      const { dataset, footnote } = robustBenchEntry(
        { ...report, dataset: { ...report.dataset, ...other } },
        variant('none'),
        'standard',
      );
      expect(dataset).toBeNull();
      expect(footnote).toContain('Evaluated on 1,000 images. Threat model Linf, 8/255: no leaderboard has it.');
    }
  });

  it('claims no AutoAttack accuracy for another suite', () => {
    const entry = robustBenchEntry(onLeaderboard(), variant('none'), null);
    expect(entry).toMatchObject({ autoattack_acc: null, unreliable: true });
    expect(entry.external).toBeUndefined();
    const robust = (variant('none').robust.correct / 10).toFixed(2);
    expect(entry.footnote).toContain(
      `Not evaluated with AutoAttack: ${robust}% robust accuracy is due to apgd-ce, apgd-t, fab-t and square.`,
    );
    expect(unknownFields(entry)).toEqual([
      ...['link', 'name', 'authors', 'additional_data', 'venue', 'reported', 'autoattack_acc'],
    ]);
  });
});

describe('the version of AutoAttack', () => {
  const config = { threat: { norm: 'Linf', epsilon: 8 / 255 }, protocol: 'sequential' } as const;

  it('is told by what the attacks do, not by their names', () => {
    for (const suite of ['standard', 'plus'] as const) {
      const attacks = resolveSuite({ ...config, suite });
      // A suite without Square is not AutoAttack, whatever it is called.
      const expected = attacks.some(({ name }) => name === 'square') ? suite : null;
      expect(autoAttackVersion({ config, suite: attacks })).toBe(expected);
      const renamed = attacks.map((attack) => ({ ...attack, name: `my-${attack.name}` }));
      expect(autoAttackVersion({ config, suite: renamed })).toBe(expected);
      expect(autoAttackVersion({ config, suite: renamed.slice(0, -1) })).toBeNull();
    }
  });

  it('is none for parts of it', () => {
    for (const suite of ['apgd', 'rand'] as const)
      expect(autoAttackVersion({ config, suite: resolveSuite({ ...config, suite }) })).toBeNull();
  });
});
