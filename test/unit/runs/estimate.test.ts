import { describe, expect, it } from 'vitest';
import { openDataset } from '../../../src/datasets/open.ts';
import { baseModel } from '../../../src/defense/defended-model.ts';
import { PLANNED_BREAKS, sampleSize } from '../../../src/evaluation/audit/sample-size.ts';
import { OnnxModel } from '../../../src/evaluation/onnx-model.ts';
import { evaluateImages } from '../../../src/evaluation/protocol.ts';
import { layerOf } from '../../../src/models/classifier.ts';
import { rankingCost } from '../../../src/ranking/methods.ts';
import { openClassifier } from '../../../src/runs/inputs/open-classifier.ts';
import { durationOf, makespan, parallelismFor, type Rates } from '../../../src/runs/planning/duration.ts';
import { cleanCost, estimateWork, expectedAssumptions, WORST_CASE } from '../../../src/runs/planning/estimate.ts';
import type { Workload } from '../../../src/runs/planning/workload.ts';
import { onnxRuntime } from '../../../src/runtime/session.ts';

/** 10 images in shards of 6 and 4; one attack after another in group a, a third in a group of its own. */
/** An attack that is made on each variant, in its turn. */
const PLAIN = { once: false, seesAll: false, except: [] } as const;
const LOAD: Workload = {
  shards: [6, 4],
  variants: [
    { id: 'none', kind: 'base' },
    { id: 'loir', kind: 'defended' },
  ],
  attacks: [
    { name: 'one', group: 'a', cost: { forwards: 0, gradients: 100 }, ...PLAIN },
    { name: 'two', group: 'a', cost: { forwards: 30, gradients: 200 }, ...PLAIN },
    { name: 'three', group: 'b', cost: { forwards: 50, gradients: 0 }, ...PLAIN },
  ],
  stages: [],
  rankings: [{ method: 'loir', layer: 'layer4', images: 20, trunks: 1, tails: 3 }],
};

const CLASSIFIER = openClassifier({
  path: 'examples/demo/shapes10-rn18-w8.pt',
  imageShape: [3, 32, 32],
  layout: 'NCHW',
  layer: undefined,
});

describe('estimated evaluations', () => {
  it('follow the assumption: a first attack sees what is correct, a later one what holds out', () => {
    const { variants, total, images, imagesPerShard } = estimateWork(LOAD, { correct: 0.8, holdOut: 0.25 });
    expect({ images, imagesPerShard }).toEqual({ images: 10, imagesPerShard: 6 });
    for (const { attacks, clean, rounded, transfer } of variants) {
      // 8 correct images, of which 6 break at once and 2 stand.
      expect(attacks.map(({ expected }) => expected)).toEqual([
        { forwards: 6, gradients: 800 },
        { forwards: 60, gradients: 400 },
        { forwards: 8 * 50 + 6, gradients: 0 },
      ]);
      expect(attacks.map(({ most }) => most)).toEqual([
        { forwards: 10, gradients: 1000 },
        { forwards: 310, gradients: 2000 },
        { forwards: 510, gradients: 0 },
      ]);
      expect(clean.expected).toEqual({ forwards: 10 + 4 * 8, gradients: 8 });
      expect(rounded).toEqual({ expected: { forwards: 6, gradients: 0 }, most: { forwards: 10, gradients: 0 } });
      expect(transfer).toEqual({ expected: { forwards: 12, gradients: 0 }, most: { forwards: 20, gradients: 0 } });
    }
    expect(total.expected).toEqual({ forwards: 2 * (6 + 60 + 406 + 42 + 6 + 12), gradients: 2 * 1208 });
  });

  it('leave out what other runs have kept: whole shards, and the first attacks of others', () => {
    const kept = { evaluate: { none: [3, 0], loir: [1, 1] }, craft: [0, 0] };
    const assumption = { correct: 0.8, holdOut: 0.25 };
    const [all, left] = [LOAD, { ...LOAD, kept }].map((load) => estimateWork(load, assumption).variants);
    // Of 10 images in shards of 6 and 4: none has the first whole, loir the first attack of both.
    const shares = { none: { clean: 0.4, attacks: [0.4, 0.4, 0.4] }, loir: { clean: 0, attacks: [0, 1, 1] } };
    for (const [place, { id, clean, attacks, transfer }] of left!.entries()) {
      const share = shares[id as 'none' | 'loir'];
      expect(clean.most.forwards).toBeCloseTo(share.clean * all![place]!.clean.most.forwards);
      for (const [index, { most }] of attacks.entries())
        expect(most.gradients).toBeCloseTo(share.attacks[index]! * all![place]!.attacks[index]!.most.gradients);
      expect(transfer).toEqual(all![place]!.transfer);
    }
    const model = { open: { forward: 1, attacks: 10 }, forward: 0.01, attacks: { one: 0.1, two: 0.2, three: 0.05 } };
    const rates: Rates = { start: 2, correct: 0.8, models: { base: model, defended: model }, tail: 0.03 };
    const one = { workers: 1, threads: 1 };
    const everything = { evaluate: { none: [3, 3], loir: [3, 3] }, craft: [0, 0] };
    const seconds = [{ ...LOAD }, { ...LOAD, kept }, { ...LOAD, kept: everything }].map((load) =>
      durationOf(load, rates, WORST_CASE, one),
    );
    expect(seconds).toEqual(seconds.toSorted((a, b) => b - a));
    // Start, ranking and transfer are left.
    expect(seconds[2]).toBeLessThan(10);
  });

  it('have an audit of its own sample: of what is expected to hold out, and at most of all images', () => {
    const attacks = [{ ...LOAD.attacks[0]!, cost: { forwards: 10, gradients: 20 } }];
    const bound = { images: 1000, variants: 2, halfWidth: 0.01, confidence: 0.95 };
    const load: Workload = { ...LOAD, shards: [1000], audit: { attacks, bound, imagesPerShard: 40 } };
    const task = { ...bound, breaks: PLANNED_BREAKS };
    const [expected, most] = [200, 1000].map((survivors) => sampleSize({ ...task, survivors }));
    expect(expected).toBeLessThan(most!);
    const assumption = { correct: 0.8, holdOut: 0.25 };
    const { variants, total } = estimateWork(load, assumption);
    expect(variants[0]?.audit).toEqual({
      expected: { forwards: expected! * 15, gradients: expected! * 21 },
      most: { forwards: most! * 15, gradients: most! * 21 },
    });
    const without = estimateWork({ ...LOAD, shards: [1000] }, assumption);
    expect(without.variants[0]).not.toHaveProperty('audit');
    expect(total.expected.gradients - without.total.expected.gradients).toBe(2 * expected! * 21);
    const model = { open: { forward: 1, attacks: 10 }, forward: 0.01, attacks: { one: 0.1, two: 0.2, three: 0.05 } };
    const rates: Rates = { start: 2, correct: 0.8, models: { base: model, defended: model }, tail: 0.03 };
    const seconds = (work: Workload) =>
      durationOf(work, rates, expectedAssumptions(assumption), { workers: 1, threads: 1 });
    expect(seconds(load) - seconds({ ...LOAD, shards: [1000] })).toBeCloseTo(2 * (10 + expected! * 30 * 0.1), 6);
  });

  it('count the clean pass and the checks as an evaluation without attacks does', async () => {
    const classifier = await CLASSIFIER;
    const data = await openDataset({ format: 'cifar10', path: 'examples/demo/test.bin', split: 'test', limit: 12 });
    const model = new OnnxModel(baseModel(classifier), classifier.imageShape, classifier.classes, onnxRuntime());
    const images = { x: await data.pixels(0, 12), labels: data.labels, images: [...data.labels.keys()] };
    const { outcomes } = await evaluateImages(model, images, {
      suite: [],
      threat: { norm: 'Linf', epsilon: 8 / 255 },
      seed: 0,
      batchSize: 8,
      examples: 'last',
    });
    const correct = outcomes.filter(({ label, cleanPrediction }) => label === cleanPrediction).length / 12;
    expect(correct).toBeLessThan(1);
    const { forwards, gradients } = cleanCost(expectedAssumptions({ correct, holdOut: 1 }));
    expect(model.usage.forwards).toBeCloseTo(12 * forwards, 9);
    expect(model.usage.gradients).toBeCloseTo(12 * gradients, 9);
    await model.release();
  });

  it('of a ranking are one pass behind a linear tail, and a rerun for each unit elsewhere', async () => {
    const classifier = await CLASSIFIER;
    expect(rankingCost('loir', classifier, layerOf(classifier, 'layer4'))).toEqual({ trunks: 1, tails: 0 });
    expect(rankingCost('loir', classifier, layerOf(classifier, 'layer3'))).toEqual({ trunks: 1, tails: 33 });
    expect(rankingCost('random', classifier, layerOf(classifier, 'layer3'))).toEqual({ trunks: 0, tails: 0 });
  });
});

describe('estimated time', () => {
  it('gives each job to the worker that is free first, and lets it open another model', () => {
    const job = (variant: string, seconds: number) => ({ variant, seconds, open: 1 });
    expect(makespan([job('a', 5), job('a', 2), job('a', 2), job('b', 4)], 1)).toBe(15);
    // One worker has 5; the other 2 and 2, then b's: 1 + 2 + 2 + 1 + 4.
    expect(makespan([job('a', 5), job('a', 2), job('a', 2), job('b', 4)], 2)).toBe(10);
    expect(makespan([], 3)).toBe(0);
  });

  it('adds up start, ranking, evaluation and transfer', () => {
    const model = { open: { forward: 1, attacks: 10 }, forward: 0.01, attacks: { one: 0.1, two: 0.2, three: 0.05 } };
    const rates: Rates = { start: 2, correct: 0.8, models: { base: model, defended: model }, tail: 0.03 };
    const seconds = durationOf(LOAD, rates, expectedAssumptions({ correct: 0.8, holdOut: 0.25 }), {
      workers: 1,
      threads: 1,
    });
    const evaluation = 42 * 0.01 + 8 * 0.1 + 806 * 0.1 + 460 * 0.2 + 406 * 0.05 + 6 * 0.01;
    const transfer = 12 * 0.01;
    expect(seconds).toBeCloseTo(2 + 20 * (0.01 + 3 * 0.03) + 2 * (10 + evaluation) + 2 * (1 + transfer), 9);
    expect(durationOf(LOAD, rates, WORST_CASE, { workers: 2, threads: 1 })).toBeGreaterThan(seconds);
  });

  it('shares cores out as a run does', () => {
    expect(parallelismFor(1, { workers: 4, cores: 8 })).toEqual({ workers: 1, threads: 8 });
    expect(parallelismFor(100, { workers: 4, cores: 8 })).toEqual({ workers: 4, threads: 2 });
    expect(parallelismFor(100, { workers: 4, cores: 2 })).toEqual({ workers: 4, threads: 1 });
  });
});
