import { describe, expect, it } from 'vitest';
import { wilsonInterval } from '../../../src/numeric/statistics.ts';
import { flagRun, flagVariant, noticesOf, type VariantCase } from '../../../src/report/flags.ts';
import type { Report } from '../../../src/schemas/report.ts';
import type { Testimony } from '../../../src/schemas/testimony.ts';
import { conf, LOIR, makeRun, NONE, RANDOM } from './fixture.ts';

const { run, dataset } = makeRun({ variants: [NONE, LOIR] }).report;

const CHECKS = { randomised: false, probabilities: false, zeroGradientImages: 0 };

function checked(checks: Partial<VariantCase['variant']['checks']>): VariantCase['variant'] {
  return { ...variant('loir', 414, 400), checks: { ...CHECKS, ...checks } };
}

function share(correct: number) {
  return { accuracy: correct / 1000, correct, interval: wilsonInterval(correct, 1000) };
}

function variant(id: string, robust: number, worst: number, square = 0): VariantCase['variant'] {
  const cost = { seconds: 1, forwards: 1, gradients: 1 };
  const attack = (name: string, left: number, broken: number) => {
    return {
      attack: name,
      group: 'all',
      robustAccuracy: left / 1000,
      interval: wilsonInterval(left, 1000),
      broken,
      ...cost,
    };
  };
  return {
    id,
    mask: id === 'none' ? 'none' : 'top-k',
    clean: share(700),
    robust: share(robust),
    attacks: [attack('apgd-ce', robust + square, 700 - robust - square), attack('square', robust, square)],
    perClass: [],
    worstCase: share(worst),
    transfer: [],
    checks: CHECKS,
  };
}

function flagsOf(sample: Partial<VariantCase>): Record<string, string> {
  const defaults: VariantCase = {
    variant: variant('loir', 414, 400),
    base: variant('none', 289, 280),
    run,
    comparisons: [],
    classes: 10,
    averagesNoise: false,
  };
  return Object.fromEntries(flagVariant({ ...defaults, ...sample }).map(({ code, message }) => [code, message]));
}

/** A run of the suite rapid: what the undefended model's examples break, and what the variant's own gradients do. */
function rapid(crafted: number, alone: number | undefined): Partial<VariantCase> {
  const suite: Report['run']['suite'] = [
    { name: 'base.malt', attack: 'malt', group: 'all', crafted: true, once: true },
    { name: 'malt', attack: 'malt', group: 'all', crafted: false, sees: 'all', except: ['none'] },
  ];
  const row = { ...variant('loir', 400, 400).attacks[0]!, broken: crafted };
  const attacks = [
    { ...row, attack: 'base.malt' },
    { ...row, attack: 'malt', broken: 0, ...(alone !== undefined && { alone }) },
  ];
  return { run: { ...run, suite }, variant: { ...variant('loir', 400, 400), attacks } };
}

describe('flags of a variant', () => {
  it('tell of gradients that find less than examples made without the defence, from two points on', () => {
    expect(flagsOf(rapid(300, 200))['starved-gradients']).toMatch(
      /\(base\.malt\) break 300 images, the same attack through its own gradients \(malt\) 200, 10\.0 points fewer/,
    );
    expect(flagsOf(rapid(300, 279))).toHaveProperty('starved-gradients');
    for (const alone of [280, 300, 350, undefined]) expect(flagsOf(rapid(300, alone))).toEqual({});
  });

  it('are none where the gain holds up', () => {
    expect(flagsOf({})).toEqual({});
    expect(flagsOf({ base: undefined })).toEqual({});
  });

  it('say what the checks of the model found', () => {
    expect(flagsOf({ variant: checked({ randomised: true }) }).randomised).toMatch(/use the suite "rand"$/);
    expect(flagsOf({ variant: checked({ randomised: true }), averagesNoise: true })).toEqual({});
    expect(flagsOf({ variant: checked({ probabilities: true }) })['probability-outputs']).toMatch(
      /without its softmax$/,
    );
    const targeted = { ...run, suite: [{ name: 'apgd-t', attack: 'apgd-t', group: 'all', crafted: false }] };
    expect(flagsOf({ run: targeted, classes: 4 })['too-few-classes']).toMatch(/^with 4 classes apgd-t has 3 targets/);
    expect(flagsOf({ run: targeted, classes: 10 })).toEqual({});
  });

  it('say that transfer removes the gain, with the numbers', () => {
    const gain = { a: 'none', b: 'loir', measure: 'robust', onlyA: 5, onlyB: 130 } as const;
    const lost = { variant: variant('loir', 414, 280) };
    expect(flagsOf({ ...lost, comparisons: [{ ...gain, pValue: 1e-9 }] })['transfer-removes-gain']).toBe(
      'the gain over none (41.4% vs 28.9%) is gone on transferred examples (28.0% vs 28.0%): ' +
        'gradients were starved, not robustness gained',
    );
    expect(flagsOf({ ...lost, comparisons: [{ ...gain, pValue: 0.2 }] })['transfer-removes-gain']).toMatch(
      /it may have been chance too \(p = 0\.200\)$/,
    );
    expect(flagsOf({ variant: variant('loir', 414, 305) })['transfer-removes-gain']).toMatch(
      /^most of the gain over none/,
    );
  });

  it('keep silent about a gain that mostly holds, and where there is none', () => {
    expect(flagsOf({ variant: variant('loir', 414, 350) })).toEqual({});
    expect(flagsOf({ variant: variant('loir', 289, 200) })).toEqual({});
    expect(flagsOf({ variant: variant('none', 289, 280) })).toEqual({});
  });

  it('say that a defence is worse than none, where that is not chance', () => {
    const comparison = { a: 'none', b: 'random', measure: 'robust', onlyA: 90, onlyB: 10 } as const;
    const worse = { variant: variant('random', 209, 200) };
    expect(flagsOf({ ...worse, comparisons: [{ ...comparison, pValue: 1e-9 }] })).toEqual({
      'worse-than-none': 'robust accuracy is below that of none (20.9% vs 28.9%, p < 0.001): it makes the model weaker',
    });
    expect(flagsOf({ ...worse, comparisons: [{ ...comparison, pValue: 0.2 }] })).toEqual({});
  });

  it('count zero gradients among attacked images', () => {
    expect(flagsOf({ variant: checked({ zeroGradientImages: 35 }) })['zero-gradients']).toMatch(
      /^35 of 700 attacked images \(5\.0%\)/,
    );
  });

  it('count zero gradients and those that are no numbers in one flag', () => {
    const messageOf = (checks: Parameters<typeof checked>[0]) =>
      flagsOf({ variant: checked(checks) })['zero-gradients'];
    const end = 'gradient attacks are blind there, so robust accuracy may be too high';
    expect(messageOf({ zeroGradientImages: 35 })).toBe(
      `35 of 700 attacked images (5.0%) had a loss gradient of exactly zero: ${end}`,
    );
    expect(messageOf({ zeroGradientImages: 5, nonFiniteGradientImages: 65 })).toBe(
      `70 of 700 attacked images (10.0%) had a loss gradient that leads nowhere, 5 of exactly zero and 65 of NaN or infinity: ${end}`,
    );
    expect(messageOf({ nonFiniteGradientImages: 7 })).toMatch(/^7 of 700 .* 0 of exactly zero and 7 of NaN/);
  });

  it('name the images without a prediction, and say how they count', () => {
    const messageOf = (clean: number[], attacked: number[]) =>
      flagsOf({ variant: { ...variant('loir', 414, 400), unpredicted: { clean, attacked } } })['no-prediction'];
    expect(messageOf([4], [])).toBe(
      'the model gives no prediction, its logits being NaN or infinite, on image 4, counted as wrong',
    );
    expect(messageOf([], [7, 8])).toMatch(
      /near images 7-8, at points that an attack tried: that is no adversarial example/,
    );
    expect(messageOf([4], [7])).toMatch(/on image 4, .*; and near image 7, .*may be too high$/);
  });

  it('say that Square beats gradients, from 0.2 points on', () => {
    expect(flagsOf({ variant: variant('loir', 414, 400, 3) })['square-beats-gradients']).toMatch(
      /^Square broke 3 images \(\+0\.3 points\)/,
    );
    expect(flagsOf({ variant: variant('loir', 414, 400, 2) })).toEqual({});
    const alone = variant('loir', 414, 400, 200);
    expect(flagsOf({ variant: { ...alone, attacks: alone.attacks.slice(1) } })).toEqual({});
  });

  it('ask for EoT where smoothing makes a masked model random', () => {
    const smoothed = { ...run, smoothing: { samples: 1, sigma: 8 / 255 } };
    expect(flagsOf({ run: smoothed })['smoothing-needs-eot']).toContain('results are optimistic');
    expect(flagsOf({ run: smoothed, averagesNoise: true })).toEqual({});
    expect(flagsOf({ run: smoothed, variant: variant('none', 289, 280) })).toEqual({});
  });

  it('take EoT from the run facts, or else from an attack name', () => {
    const smoothing = { samples: 1, sigma: 0.03 };
    const codes = ({ variants }: Report) => variants.flatMap(({ flags }) => flags.map(({ code }) => code));
    const suite = ['apgd-ce-eot20', 'apgd-dlr'];
    expect(codes(makeRun({ smoothing }).report)).toContain('smoothing-needs-eot');
    // A name tells nothing: what an attack averages does.
    expect(codes(makeRun({ smoothing, suite }).report)).toContain('smoothing-needs-eot');
    expect(codes(makeRun({ smoothing, averagesNoise: true }).report)).not.toContain('smoothing-needs-eot');
  });
});

describe('flags of a run', () => {
  it('say where the BatchNorms of a model do not bear out how it is read', () => {
    const distance = { mean: 0.3, variance: 1 };
    const rival = { readings: ['activation silu'], mean: 0.02, variance: 0.05 };
    const ask = (outcome: Testimony['outcome'], others: Partial<Testimony> = {}) =>
      flagRun({ run, sweep: null, dataset, testimony: { outcome, norms: 20, images: 128, ...distance, ...others } });
    expect(ask('fits')).toEqual([]);
    expect(ask('none', { norms: 0 })).toEqual([]);
    expect(ask('doubtful').map(({ code }) => code)).toEqual(['reading-not-borne-out']);
    expect(ask('contradicted', { rival })[0]?.message).toBe(
      'how the model is read is contradicted by 20 BatchNorms on 128 images: off what they saw in training by 0.30 standard ' +
        'deviations and a factor of 2.72 in variance, with activation silu by 0.02 standard deviations and a factor of 1.05 in variance',
    );
  });

  it('say how wide intervals are on few images', () => {
    expect(flagRun({ run: { ...run, images: 500 }, sweep: null, dataset })).toEqual([
      {
        code: 'small-sample',
        message:
          '500 images only: the 95% interval of an accuracy near 50% is [45.6, 54.4], 8.7 points wide; differences below that may be chance',
      },
    ]);
    expect(flagRun({ run, sweep: null, dataset })).toEqual([]);
  });

  it('repeat that thresholds change nothing', () => {
    const sweep = { thresholds: [0.8, 0.9], flat: true, message: 'The sweep is flat.' };
    expect(flagRun({ run, sweep, dataset })).toEqual([{ code: 'flat-sweep', message: 'The sweep is flat.' }]);
    expect(flagRun({ run, sweep: { ...sweep, flat: false }, dataset })).toEqual([]);
  });
});

describe('notices', () => {
  it('tell each flag once, and of whom else it is true', () => {
    const { report } = makeRun({ variants: [NONE, LOIR, RANDOM, conf(0.8), conf(0.9)], suite: ['apgd-ce', 'apgd-t'] });
    const told = noticesOf(report).map(({ code, subject, likewise }) => [code, subject, likewise]);
    expect(told).toEqual([
      ['flat-sweep', null, []],
      ['control', 'ranking random', []],
      ['transfer-removes-gain', 'loir', ['conf@0.8', 'conf@0.9']],
      ['zero-gradients', 'loir', []],
      ['worse-than-none', 'random', []],
    ]);
  });
});
