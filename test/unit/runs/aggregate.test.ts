import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RunError } from '../../../src/errors.ts';
import { wilsonInterval } from '../../../src/numeric/statistics.ts';
import { aggregate } from '../../../src/report/aggregate.ts';
import type { RunFacts } from '../../../src/report/summary/outcomes.ts';
import { reportSchema } from '../../../src/schemas/report.ts';
import type { ImageOutcome, ShardResult, TransferResult } from '../../../src/schemas/results.ts';
import { CONF_VARIANTS, conf, LOIR, type MadeRun, makeRun, NONE, RANDOM } from '../report/fixture.ts';

/** Image, clean prediction, breaking attack; labels are 0, 0, 1, 1, 1. */
type ImageCase = readonly [cleanPrediction: number, brokenBy: string | null, adversarialPrediction: number | null];

const LABELS = [0, 0, 1, 1, 1];
const IMAGE_CASES: Readonly<Record<string, readonly ImageCase[]>> = {
  // Image 4 is wrong from the start.
  none: [
    [0, 'apgd-ce', 1],
    [0, null, null],
    [1, 'square', 0],
    [1, null, null],
    [0, null, null],
  ],
  // Image 3 falls; 0, 2 and 4 stand.
  loir: [
    [0, null, null],
    [1, null, null],
    [1, null, null],
    [1, 'apgd-ce', 0],
    [1, null, null],
  ],
};

function outcomes(variant: string): ImageOutcome[] {
  return (IMAGE_CASES[variant] ?? []).map(([cleanPrediction, brokenBy, adversarialPrediction], image) => {
    return { image, label: LABELS[image]!, cleanPrediction, brokenBy, adversarialPrediction };
  });
}

function shard(variant: string, from: number, to: number, seconds: number): ShardResult {
  const usage = { seconds, forwards: 100, gradients: 10, runtimeSeconds: seconds / 2 };
  return {
    schema: 'igd.shard/2',
    variant,
    images: outcomes(variant).slice(from, to),
    attacks: ['apgd-ce', 'square'].map((attack) => ({ attack, ...usage })),
    checks: { randomised: false, probabilities: false, zeroGradientImages: variant === 'loir' ? 1 : 0 },
  };
}

function inOrder(...names: string[]): RunFacts['run']['suite'] {
  return names.map((name) => ({ name, attack: name, group: 'all', crafted: false }));
}

function transfer(target: string, source: string, predictions: readonly (readonly [number, number])[]): TransferResult {
  const pairs = predictions.map(([image, prediction]) => ({ image, prediction }));
  return { schema: 'igd.transfer/1', variant: target, sources: [{ variant: source, predictions: pairs }] };
}

const { facts: madeFacts } = makeRun({ variants: [NONE, LOIR], images: 5, classes: 2, classNames: ['cat', 'dog'] });
const FACTS: RunFacts = { ...madeFacts, run: { ...madeFacts.run, suite: inOrder('apgd-ce', 'square') } };
const SHARDS = [shard('none', 0, 3, 0.1), shard('none', 3, 5, 0.2), shard('loir', 0, 2, 0.3), shard('loir', 2, 5, 0.4)];
// On none's examples loir falls for image 0 and resists on image 2; on loir's, none resists.
const TRANSFERS = [
  transfer('loir', 'none', [
    [0, 1],
    [2, 1],
  ]),
  transfer('none', 'loir', [[3, 1]]),
];

function report(shards = SHARDS, transfers = TRANSFERS, facts = FACTS) {
  return aggregate(facts, shards, transfers);
}

describe('a run of five images, worked out by hand', () => {
  const [none, loir] = report().variants;

  it('keeps the facts and fits the schema', () => {
    const { run, checkpoint, dataset, ranking } = report();
    const { variants: _variants, averagesNoise: _averagesNoise, ...facts } = FACTS;
    expect({ run, checkpoint, dataset, ranking }).toEqual(facts);
    expect(reportSchema.parse(report())).toEqual(report());
  });

  it('counts clean and robust images with their intervals', () => {
    expect(none?.clean).toEqual({ accuracy: 0.8, correct: 4, interval: wilsonInterval(4, 5) });
    expect(none?.robust).toEqual({ accuracy: 0.4, correct: 2, interval: wilsonInterval(2, 5) });
    expect(loir?.clean.correct).toBe(4);
    expect(loir?.robust.correct).toBe(3);
  });

  it('lets accuracy fall attack by attack and sums the cost over shards', () => {
    const cost = { forwards: 200, gradients: 20 };
    const [seconds, high] = [0.1 + 0.2, 0.3 + 0.4];
    expect(none?.attacks).toEqual([
      {
        attack: 'apgd-ce',
        group: 'all',
        robustAccuracy: 0.6,
        interval: wilsonInterval(3, 5),
        broken: 1,
        seconds,
        ...cost,
      },
      {
        attack: 'square',
        group: 'all',
        robustAccuracy: 0.4,
        interval: wilsonInterval(2, 5),
        broken: 1,
        seconds,
        ...cost,
      },
    ]);
    expect(loir?.attacks.map(({ broken, seconds }) => [broken, seconds])).toEqual([
      [1, high],
      [0, high],
    ]);
  });

  it('splits by class', () => {
    expect(none?.perClass).toEqual([
      { class: 0, name: 'cat', images: 2, clean: 1, robust: 0.5 },
      { class: 1, name: 'dog', images: 3, clean: 2 / 3, robust: 1 / 3 },
    ]);
  });

  it('evaluates on transferred examples, with the clean image where there is none', () => {
    // none: right on 0, 1, 2 (clean), on 3 by transfer; wrong on 4. loir: falls for 0, wrong on 1 clean.
    expect(none?.transfer.map(({ source, accuracy }) => [source, accuracy])).toEqual([
      ['none', 0.4],
      ['loir', 0.8],
    ]);
    expect(loir?.transfer.map(({ source, accuracy }) => [source, accuracy])).toEqual([
      ['none', 0.6],
      ['loir', 0.6],
    ]);
  });

  it('takes the worst case image by image', () => {
    // none keeps 1 and 3; loir loses 0 to none's example and keeps 2 and 4.
    expect(none?.worstCase.correct).toBe(2);
    expect(loir?.worstCase.correct).toBe(2);
  });

  it('takes no prediction for a wrong one, and names the images', () => {
    const withoutPrediction = SHARDS.map((one) => ({
      ...one,
      images: one.images.map((image) => {
        if (one.variant === 'none' && image.image === 1) return { ...image, cleanPrediction: null };
        return one.variant === 'loir' && image.image === 4 ? { ...image, unpredicted: ['square'] } : image;
      }),
    }));
    // On none's example of image 2 loir gives no prediction: its clean image's, which is right, does not stand in for it.
    const predictions = [
      { image: 0, prediction: 1 },
      { image: 2, prediction: null },
    ];
    const toLoir: TransferResult = { ...TRANSFERS[0]!, sources: [{ variant: 'none', predictions }] };
    const { variants } = report(withoutPrediction, [toLoir, TRANSFERS[1]!]);
    expect(variants.map(({ clean }) => clean.correct)).toEqual([3, 4]);
    expect(variants.map(({ unpredicted }) => unpredicted)).toEqual([
      { clean: [1], attacked: [] },
      { clean: [], attacked: [2, 4] },
    ]);
    expect(variants[1]?.transfer.find(({ source }) => source === 'none')?.accuracy).toBe(2 / 5);
    expect(variants.map(({ flags }) => flags.some(({ code }) => code === 'no-prediction'))).toEqual([true, true]);
    expect(report().variants.every(({ unpredicted }) => unpredicted === undefined)).toBe(true);
  });

  it('compares on the same images', () => {
    const discordant = report().comparisons.map(({ a, b, measure, onlyA, onlyB }) => [a, b, measure, onlyA, onlyB]);
    expect(discordant).toEqual([
      ['none', 'loir', 'clean', 1, 1],
      ['none', 'loir', 'robust', 2, 3],
      ['none', 'loir', 'worst-case', 2, 2],
    ]);
  });

  it('ignores what a variant predicts on its own examples: its own attack counts', () => {
    const own = transfer('none', 'none', [
      [0, 0],
      [2, 1],
    ]);
    expect(report(SHARDS, [...TRANSFERS, own])).toEqual(report());
  });

  it('gives a class without a name its number', () => {
    const unnamed = { ...FACTS, dataset: { ...FACTS.dataset, classNames: [] } };
    expect(report(SHARDS, TRANSFERS, unnamed).variants[0]?.perClass[1]?.name).toBe('class 1');
  });

  it('lets every group of attacks begin with all images', () => {
    const alone = {
      ...FACTS.run,
      suite: [
        { name: 'apgd-ce', attack: 'apgd-ce', group: 'a', crafted: false },
        { name: 'square', attack: 'square', group: 'b', crafted: false },
      ],
    };
    const shards = SHARDS.map((shard) => ({
      ...shard,
      images: shard.images.map((image) => ({
        ...image,
        brokenByEach: image.brokenBy === null ? [] : [...new Set([image.brokenBy, 'square'])],
      })),
    }));
    const [none] = report(shards, TRANSFERS, { ...FACTS, run: alone }).variants;
    const broken = outcomes('none').filter(({ brokenBy }) => brokenBy !== null).length;
    const clean = outcomes('none').filter(({ label, cleanPrediction }) => label === cleanPrediction).length;
    expect(none?.attacks[1]).toMatchObject({ group: 'b', broken, robustAccuracy: (clean - broken) / 5 });
    expect(none?.robust).toEqual(report().variants[0]?.robust);
  });
});

describe('how a run was cut up', () => {
  const whole = makeRun({ variants: [NONE, LOIR, conf(0.8)], images: 60, imagesPerShard: 60 });

  it('changes nothing, nor does the order of shards', () => {
    const made = makeRun({ variants: [NONE, LOIR, conf(0.8)], images: 60, imagesPerShard: 7 });
    const shuffled = <T>(items: readonly T[]) => fc.shuffledSubarray([...items], { minLength: items.length });
    fc.assert(
      fc.property(shuffled(made.shards), shuffled(made.transfers), (shards, transfers) => {
        expect(aggregate(made.facts, shards, transfers)).toEqual(made.report);
      }),
      { seed: 20260101, numRuns: 25 },
    );
    const results = ({ report: { variants, comparisons } }: MadeRun) => ({
      comparisons,
      shares: variants.map(({ clean, robust, worstCase, transfer, perClass }) => {
        return { clean, robust, worstCase, transfer, perClass };
      }),
    });
    expect(results(made)).toEqual(results(whole));
  });

  it('takes transfers in pieces', () => {
    const pieces = whole.transfers.flatMap((result) =>
      result.sources.flatMap(({ variant, predictions }) =>
        predictions.map((one) => ({ ...result, sources: [{ variant, predictions: [one] }] })),
      ),
    );
    expect(aggregate(whole.facts, whole.shards, pieces)).toEqual(whole.report);
  });
});

describe('results that are not those of the run', () => {
  const [first, second, ...others] = SHARDS;
  const refusal = (act: () => unknown) => {
    try {
      act();
    } catch (error) {
      expect(error).toBeInstanceOf(RunError);
      return error instanceof Error ? error.message : '';
    }
    return 'no refusal';
  };

  it('are refused where images are missing, and named', () => {
    expect(refusal(() => report([second!, ...others]))).toContain('variant none: images in no shard');
    expect(refusal(() => report([second!, ...others]))).toMatch(/: 0-2$/);
    expect(refusal(() => report([]))).toMatch(/: 0-4$/);
  });

  it('are refused where shards overlap', () => {
    const overlapping = [...SHARDS, shard('none', 2, 4, 1)];
    expect(refusal(() => report(overlapping))).toMatch(/variant none: images in more than one shard: 2-3$/);
  });

  it('are refused where an image is beyond the run', () => {
    const beyond = { ...first!, images: [...first!.images, { ...first!.images[0]!, image: 12 }] };
    expect(refusal(() => report([beyond, second!, ...others]))).toMatch(/beyond the run's 5: 12$/);
  });

  it('are refused for another variant or attack', () => {
    expect(refusal(() => report([...SHARDS, { ...first!, variant: 'cdir' }]))).toContain('variant "cdir"');
    const foreign = { ...first!, images: [{ ...first!.images[0]!, brokenBy: 'fab-t' }] };
    expect(refusal(() => report([foreign, second!, ...others]))).toContain('attack "fab-t"');
  });

  it('are refused where labels differ between variants', () => {
    const relabelled = { ...first!, images: first!.images.map((image) => ({ ...image, label: 1, brokenBy: null })) };
    expect(refusal(() => report([relabelled, second!, ...others]))).toMatch(/different labels .* images: 0-1$/);
  });

  it('are refused where an attack broke an image that was wrong already', () => {
    const images = first!.images.map((image) => ({ ...image, cleanPrediction: 7 }));
    expect(refusal(() => report([{ ...first!, images }, second!, ...others]))).toMatch(/wrong from the start: 0, 2$/);
  });

  it('are refused where a variant gives no prediction on more than three images, in whichever shards', () => {
    const none = SHARDS.map((one) =>
      one.variant === 'none'
        ? one
        : { ...one, images: one.images.map((image) => ({ ...image, unpredicted: ['square'] })) },
    );
    expect(refusal(() => report(none))).toMatch(/^variant loir gives no prediction on images 0-4: /);
  });

  it('are refused where an example was not evaluated, or twice, or is none', () => {
    const [toLoir, toNone] = TRANSFERS;
    expect(refusal(() => report(SHARDS, [toLoir!]))).toMatch(/transfer to none from loir: images not evaluated .*: 3$/);
    expect(refusal(() => report(SHARDS, [toLoir!, toNone!, toNone!]))).toMatch(/to none from loir.*twice: 3$/);
    expect(refusal(() => report(SHARDS, [toLoir!, toNone!, transfer('none', 'loir', [[1, 1]])]))).toMatch(
      /to none from loir.*without an adversarial example: 1$/,
    );
  });

  it('are refused where there are none', () => {
    expect(refusal(() => report([], [], { ...FACTS, run: { ...FACTS.run, images: 0 } }))).toContain(
      'at least one image',
    );
  });

  it('are named in short where there are many', () => {
    const { facts, shards } = makeRun({ variants: [NONE], images: 100 });
    const odd = shards.map((one) => ({ ...one, images: one.images.filter(({ image }) => image % 2 === 1) }));
    expect(refusal(() => aggregate(facts, odd, []))).toMatch(/: 0, 2, 4, 6, 8, 10, 12, 14 and 42 more$/);
  });
});

describe('the summary of thresholds', () => {
  it('is flat at a low temperature, and says why', () => {
    const { sweep } = makeRun().report;
    expect(sweep?.flat).toBe(true);
    expect(sweep?.thresholds).toEqual([0.5, 0.6, 0.7, 0.8, 0.9, 0.95]);
    expect(sweep?.message).toContain('At temperature 0.01 confidence saturates near 1');
    expect(sweep?.message).toContain('set temperature near 1 to make the ramp live');
  });

  it('is not flat where thresholds matter', () => {
    const { sweep } = makeRun({ temperature: 1, images: 4000 }).report;
    expect(sweep?.flat).toBe(false);
    expect(sweep?.message).toMatch(/^Thresholds 0.5 to 0.95 give .*% robust and .*% clean accuracy\.$/);
  });

  it('does not blame the temperature where it is high', () => {
    const { sweep } = makeRun({ temperature: 1, images: 30 }).report;
    expect(sweep?.flat).toBe(true);
    expect(sweep?.message).toMatch(/too close to tell apart on 30 images\.$/);
  });

  it('is there from two thresholds on, in rising order', () => {
    expect(makeRun({ variants: [NONE, LOIR, conf(0.8)] }).report.sweep).toBeNull();
    expect(makeRun({ variants: [conf(0.9), RANDOM, conf(0.1)] }).report.sweep?.thresholds).toEqual([0.1, 0.9]);
    expect(makeRun({ variants: CONF_VARIANTS.slice(0, 2) }).report.variants.map(({ threshold }) => threshold)).toEqual([
      0.5, 0.6,
    ]);
  });
});
