import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type {
  AttackedModel,
  AttackPoints,
  LossBatch,
  LossGradient,
  ThreatModel,
} from '../../../src/attacks/core/attack.ts';
import { otherClasses } from '../../../src/attacks/core/predictions.ts';
import { createAttack } from '../../../src/attacks/suites.ts';
import { keyedStream } from '../../../src/numeric/random.ts';
import type { Norm } from '../../../src/schemas/attacks.ts';
import { attackedModel, type Classifier, type LinearClassifier, linearClassifier } from '../../support/linear-model.ts';
import { interrupted } from './interrupted.ts';
import { brokenImages, contextOf, imageOf, interiorImages, pointsOf, relativeMargin, selected } from './support.ts';

type Rows = readonly (readonly number[])[];
/** Nearest first, with its distance, a class at a time. */
type Ranking = readonly { readonly target: number; readonly distance: number }[];

/** In which order the original aims at the classes of linear models: see make-malt.py beside the fixture. Rows are images. */
interface Fixture {
  readonly x: Rows;
  readonly cases: readonly {
    readonly name: string;
    readonly weights: Rows;
    readonly bias: readonly number[];
    readonly rankings: Readonly<Record<Norm, readonly Ranking[]>>;
  }[];
}

const fixture: Fixture = JSON.parse(readFileSync(new URL('../../fixtures/attacks/malt.json', import.meta.url), 'utf8'));
const NORMS = ['Linf', 'L2', 'L1'] as const;
const NEXT_TO_NOTHING = 1e-6;
const IMAGE_SIZE = 40;
const THREATS = [
  { norm: 'Linf', epsilon: 0.008 },
  { norm: 'L2', epsilon: 0.04 },
  { norm: 'L1', epsilon: 0.12 },
] as const;
/**
 * In L1 the best point has all of epsilon in the steepest coordinate; what a random start leaves in the others keeps APGD from
 * steps as sparse as that (see `L1ApgdRun`).
 */
const STARTS = { Linf: 'random', L2: 'random', L1: 'clean' } as const;

describe.each(fixture.cases)('MALT beside the original, classes: $name', ({ weights, bias, rankings }) => {
  const classifier = linearClassifier(weights, bias);

  it.each(NORMS)('aims at them in the same order, %s', async (norm) => {
    const points = pointsOf(classifier, fixture.x);
    const aims = await targetsOf(attackedModel(classifier), points, { norm, epsilon: NEXT_TO_NOTHING });
    for (const [image, ranking] of rankings[norm].entries()) {
      // A class of no gradient comes first in the original and last here; of equally near ones it takes any first.
      const reachable = ranking.filter(({ distance }) => distance > 0);
      const unreachable = ranking.filter(({ distance }) => distance === 0);
      const distances = new Map(ranking.map(({ target, distance }) => [target, distance]));
      const actual = aims[image]!.map((target) => distances.get(target));
      expect(actual).toEqual([...reachable, ...unreachable].map(({ distance }) => distance));
      expect(new Set(aims[image])).toEqual(new Set(distances.keys()));
    }
  });
});

/** The classes that each image is aimed at in turn, of all that it has. */
async function targetsOf(
  model: AttackedModel,
  points: AttackPoints,
  threat: ThreatModel,
  eot = 1,
): Promise<readonly (readonly number[])[]> {
  const aims: number[][] = points.images.map(() => []);
  const watched: AttackedModel = {
    ...model,
    gradient(loss, batch, streams) {
      for (const [row, target] of batch.targets!.entries()) aims[row]!.push(target);
      return model.gradient(loss, batch, streams);
    },
  };
  await createAttack({ attack: 'malt', iterations: 1, targets: 1000, eot }).run(points, contextOf(watched, threat));
  // The ranking asks about each class `eot` times and a run twice as often, at its start and after its one step.
  const ranked = aims[0]!.length / 3;
  return aims.map((asked) => asked.slice(ranked).filter((_, query) => query % (2 * eot) === 0));
}

/** A classifier whose gradients are not what they should be. */
function withGradient(
  classifier: Classifier,
  change: (answer: LossGradient, batch: LossBatch) => LossGradient,
): AttackedModel {
  const model = attackedModel(classifier);
  return {
    ...model,
    gradient: async (loss, batch, streams) => change(await model.gradient(loss, batch, streams), batch),
  };
}

/** Equal at a grey image, and differing in steepness: the likeliest wrong class is often not the nearest. */
function unevenClassifier(classes: number): LinearClassifier {
  const stream = keyedStream(['uneven', classes]);
  const weights = Array.from({ length: classes }, () => {
    const steepness = 0.3 + 2 * stream.uniform();
    return Array.from({ length: IMAGE_SIZE }, () => steepness * stream.normal());
  });
  const bias = weights.map((row) => -0.5 * row.reduce((sum, weight) => sum + weight, 0));
  return linearClassifier(weights, bias);
}

describe.each(THREATS)('MALT in $norm', (threat) => {
  it.each([2, 3, 7])('breaks with its first target all that a linear model of %d classes lets it', async (classes) => {
    const classifier = unevenClassifier(classes);
    const margin = (image: readonly number[]) => relativeMargin(classifier, image, threat.norm, threat.epsilon);
    const images = interiorImages(7, 120, IMAGE_SIZE).filter((image) => margin(image) < 0.98 || margin(image) > 1.02);
    const points = pointsOf(classifier, images);
    const breakable = points.images.filter((row) => margin(images[row]!) < 1);
    const attack = createAttack({ attack: 'malt', targets: 1, start: STARTS[threat.norm] });
    const broken = brokenImages(points, await attack.run(points, contextOf(attackedModel(classifier), threat)));
    expect(broken).toEqual(breakable);
    expect(breakable.length).toBeGreaterThan(20);
    expect(images.length - breakable.length).toBeGreaterThan(10);
  });

  const classifier = unevenClassifier(7);
  const images = interiorImages(8, 6, IMAGE_SIZE);
  const points = pointsOf(classifier, images);

  it('breaks more than the likeliest wrong class does', async () => {
    const many = pointsOf(classifier, interiorImages(7, 120, IMAGE_SIZE));
    const count = async (attack: 'malt' | 'apgd-t') => {
      const found = await createAttack({ attack, targets: 1 }).run(many, contextOf(attackedModel(classifier), threat));
      return brokenImages(many, found).length;
    };
    expect(await count('malt')).toBeGreaterThan(await count('apgd-t'));
  });

  it.each([
    { targets: 2, candidates: 4, gradients: (4 + 2 * 3 * 6) * 2 },
    { targets: 9, candidates: 3, gradients: (3 + 3 * 3 * 6) * 2 },
    { targets: 9, candidates: 100, gradients: (6 + 6 * 3 * 6) * 2 },
  ])('costs what it announces, $targets targets of $candidates', async ({ targets, candidates, gradients }) => {
    const attack = createAttack({ attack: 'malt', targets, candidates, iterations: 5, eot: 2, restarts: 3 });
    let asked = 0;
    const model = attackedModel(classifier, { onGradient: ({ labels }) => (asked += labels.length) });
    await attack.run(points, contextOf(model, { ...threat, epsilon: NEXT_TO_NOTHING }));
    expect(attack.cost(7)).toEqual({ forwards: 0, gradients });
    expect(asked).toBe(gradients * images.length);
  });

  it('ranks the same where only the mean of several gradients is right', async () => {
    const tiny = { ...threat, epsilon: NEXT_TO_NOTHING };
    const plain = await targetsOf(attackedModel(classifier), points, tiny);
    const stream = keyedStream(['errors']);
    const errors = Array.from({ length: images.length * IMAGE_SIZE }, () => 3 * stream.normal());
    let queries = 0;
    const model = withGradient(classifier, ({ loss, gradient, ...answer }) => {
      const side = queries++ % 2 === 0 ? 1 : -1;
      return {
        ...answer,
        loss: loss.map((value) => value + side),
        gradient: gradient.map((value, k) => value + side * errors[k]!),
      };
    });
    expect(await targetsOf(model, points, tiny, 2)).toEqual(plain);
    expect(await targetsOf(model, points, tiny, 1)).not.toEqual(plain);
  });

  it('aims last at a class whose gradient is no number, and by logit where all are none', async () => {
    const tiny = { ...threat, epsilon: NEXT_TO_NOTHING };
    const plain = await targetsOf(attackedModel(classifier), points, tiny);
    const [first] = plain[0]!;
    const isFirst = ({ targets }: LossBatch) => targets![0] === first;
    const blindInOne = withGradient(classifier, (answer, batch) => {
      const gradient = answer.gradient.slice();
      if (isFirst(batch)) gradient.fill(Number.NaN, 0, 1);
      return { ...answer, gradient };
    });
    const one = selected(points, [0], IMAGE_SIZE);
    expect(await targetsOf(blindInOne, one, tiny)).toEqual([[...plain[0]!.slice(1), first]]);

    const blind = withGradient(classifier, (answer) => ({
      ...answer,
      gradient: answer.gradient.map(() => Number.NaN),
    }));
    const likeliest = points.images.map((row) => otherClasses(points.logits, row, 7, points.labels[row]!));
    expect(await targetsOf(blind, points, tiny)).toEqual(likeliest);
  });

  it('shows another model, its target, the ends of runs alone', async () => {
    const shown: Float32Array[] = [];
    const isAdversarialOnTarget = async (rows: readonly number[], x: Float32Array) => {
      shown.push(...rows.map((_, i) => imageOf(x, i, IMAGE_SIZE).slice()));
      return rows.map(() => false);
    };
    const context = contextOf(attackedModel(classifier), threat, { examples: 'last', isAdversarialOnTarget });
    const one = selected(points, [0], IMAGE_SIZE);
    await createAttack({ attack: 'malt', targets: 2, iterations: 4 }).run(one, context);
    expect(shown.length).toBeGreaterThanOrEqual(2);
    for (const x of shown) expect(x).not.toEqual(one.x);
  });

  it('goes on from any evaluation, in the midst of its ranking too, to the same end', async () => {
    const attack = createAttack({ attack: 'malt', targets: 2, iterations: 4, eot: 2 });
    const model = attackedModel(classifier, { noise: 0.01 });
    const context = contextOf(model, threat, { batchSize: 4 });
    const whole = await attack.run(points, context);
    let evaluations = 0;
    await attack.run(points, { ...context, checkpoint: () => void evaluations++ });
    for (let kill = 0; kill < evaluations; kill++) {
      const { x, broken } = await interrupted(attack, points, context, kill);
      expect({ x, broken }).toEqual({ x: whole.x, broken: whole.broken });
    }
    expect(brokenImages(points, whole).length).toBeGreaterThan(0);
  });
});
