import { describe, expect, it } from 'vitest';
import type { LossBatch, ThreatModel } from '../../../src/attacks/core/attack.ts';
import { distance, isWithinThreat } from '../../../src/attacks/norms/threat-model.ts';
import { PGD_STEP, type PgdOptions, pgd } from '../../../src/attacks/pgd/pgd.ts';
import { ConfigError } from '../../../src/errors.ts';
import { attackedModel, equidistantClassifier } from '../../support/linear-model.ts';
import { brokenImages, contextOf, imageOf, interiorImages, pointsOf, relativeMargin } from './support.ts';

const IMAGE_SIZE = 40;
const EPSILON = { Linf: 0.006, L2: 0.03 };
const classifier = equidistantClassifier(6, IMAGE_SIZE);
const model = attackedModel(classifier);

function attackOn(changes: Partial<PgdOptions> = {}) {
  const options = { name: 'pgd', loss: 'ce', iterations: 20, restarts: 1, eot: 1, start: 'random' } as const;
  return pgd({ ...options, stepSize: PGD_STEP, ...changes });
}

describe.each(['Linf', 'L2'] as const)('PGD on a linear classifier, %s', (norm) => {
  const threat = { norm, epsilon: EPSILON[norm] };
  const margin = (image: readonly number[]) => relativeMargin(classifier, image, norm, threat.epsilon);
  // As in the tests of APGD, a random start may make another class than the nearest the one the loss favours.
  const images = interiorImages(6, 100, IMAGE_SIZE).filter((image) => margin(image) < 0.75 || margin(image) > 1.02);
  const points = pointsOf(classifier, images);
  const breakable = points.images.filter((row) => margin(images[row]!) < 1);

  it.each(['ce', 'cw'] as const)('%s breaks exactly the points whose margin allows it', async (loss) => {
    const { x, broken } = await attackOn({ loss }).run(points, contextOf(model, threat));
    expect(brokenImages(points, { x, broken })).toEqual(breakable);
    expect(breakable.length).toBeGreaterThan(20);
    expect(images.length - breakable.length).toBeGreaterThan(20);
    for (const row of points.images)
      expect(isWithinThreat(imageOf(x, row, IMAGE_SIZE), imageOf(points.x, row, IMAGE_SIZE), threat)).toBe(true);
  });
});

describe('PGD', () => {
  const points = pointsOf(classifier, interiorImages(7, 4, IMAGE_SIZE));
  const threat: ThreatModel = { norm: 'Linf', epsilon: 0.02 };

  /** The points asked about, of a classifier that cannot be wrong. */
  async function asked(changes: Partial<PgdOptions>, seen = threat): Promise<Float32Array[]> {
    const batches: Float32Array[] = [];
    const onGradient = ({ x }: LossBatch) => batches.push(x.slice());
    const sure = { ...classifier, logits: (x: readonly number[]) => classifier.logits(x).map((z) => 1e3 * z) };
    const watched = attackedModel(sure, { onGradient });
    await attackOn(changes).run(points, contextOf(watched, seen, { examples: 'last' }));
    return batches;
  }

  it('goes along the gradient’s signs by its share of epsilon, cut to the cube', async () => {
    const batches = await asked({ loss: 'cw', start: 'clean', stepSize: 0.4, iterations: 6 });
    const rounded = batches.map((x) => distance(imageOf(x, 0, IMAGE_SIZE), imageOf(points.x, 0, IMAGE_SIZE), 'Linf'));
    const expected = [0, 0.008, 0.016, 0.02, 0.02, 0.02];
    for (const [i, gap] of rounded.entries()) expect(gap).toBeCloseTo(expected[i]!, 6);
    const signs = [...imageOf(batches[1]!, 0, IMAGE_SIZE)].map((value, k) => Math.sign(value - points.x[k]!));
    const label = points.labels[0]!;
    const nearest = classifier
      .logits([...imageOf(points.x, 0, IMAGE_SIZE)])
      .reduce((best, z, c, all) => (c !== label && (best === label || z > all[best]!) ? c : best), label);
    const uphill = classifier.weights[nearest]!.map((weight, k) => Math.sign(weight - classifier.weights[label]![k]!));
    expect(signs).toEqual(uphill);
  });

  it('starts at random in the ball unless told otherwise, anew with every restart', async () => {
    const batches = await asked({ iterations: 2, restarts: 2 });
    const offsets = (x: Float32Array) => distance(imageOf(x, 0, IMAGE_SIZE), imageOf(points.x, 0, IMAGE_SIZE), 'Linf');
    expect(offsets(batches[0]!)).toBeCloseTo(0.02, 6);
    expect(batches[2]!).not.toEqual(batches[0]!);
    expect((await asked({ start: 'clean' }))[0]!).toEqual(points.x);
  });

  it('counts an iterate that is misclassified on the way, and the one after the last step', async () => {
    let calls = 0;
    const wrongAt = (when: number) => ({
      ...model,
      async gradient(...[loss, batch, streams]: Parameters<typeof model.gradient>) {
        const answer = await model.gradient(loss, batch, streams);
        const isWrong = calls++ === when;
        return { ...answer, logits: isWrong ? answer.logits.map((z) => -z) : confident(batch.labels) };
      },
      logits: async () => (when === 3 ? new Float32Array(points.images.length * 6) : confident(points.labels)),
    });
    const confident = (labels: Int32Array) =>
      Float32Array.from(
        Array.from(labels).flatMap((label) => Array.from({ length: 6 }, (_, c) => (c === label ? 1 : 0))),
      );
    const rows = async (when: number) => {
      calls = 0;
      const context = contextOf(wrongAt(when), threat, { examples: 'last' });
      return brokenImages(points, await attackOn({ iterations: 3 }).run(points, context));
    };
    expect(await rows(1)).toEqual(points.images);
    expect(await rows(3)).toEqual(points.images.filter((row) => points.labels[row] !== 0));
    expect(await rows(9)).toEqual([]);
  });

  it('costs what it announces', async () => {
    const attack = attackOn({ iterations: 5, restarts: 2, eot: 3 });
    expect(attack.cost(6)).toEqual({ forwards: 2, gradients: 30 });
    expect(await asked({ iterations: 5, restarts: 2, eot: 3 }, { norm: 'Linf', epsilon: 1e-5 })).toHaveLength(30);
  });

  it('is refused in L1', async () => {
    const run = attackOn().run(points, contextOf(model, { norm: 'L1', epsilon: 12 }));
    await expect(run).rejects.toThrow(ConfigError);
    await expect(run).rejects.toThrow('pgd has no L1 norm: set threat.norm to one of Linf, L2');
  });
});
