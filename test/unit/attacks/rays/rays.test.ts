import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clipToThreat } from '../../../../src/attacks/norms/threat-model.ts';
import { RaysRun, rays } from '../../../../src/attacks/rays/rays.ts';
import { ConfigError } from '../../../../src/errors.ts';
import { attackedModel, equidistantClassifier } from '../../../support/linear-model.ts';
import { interrupted } from '../interrupted.ts';
import { brokenImages, contextOf, imageOf, interiorImages, pointsOf, relativeMargin, selected } from '../support.ts';

const IMAGE_SIZE = 40;
const threat = { norm: 'Linf', epsilon: 0.01 } as const;
// With two classes there is one boundary to come near to; with more, the attack may settle for another than the nearest.
const classifier = equidistantClassifier(2, IMAGE_SIZE);
const model = attackedModel(classifier);
const images = interiorImages(2, 40, IMAGE_SIZE);
const points = pointsOf(classifier, images);
const attack = rays({ name: 'rays', queries: 600 });

describe('RayS on a linear classifier', () => {
  const margin = (row: number) => relativeMargin(classifier, images[row]!, 'Linf', threat.epsilon);

  it('breaks all points whose margin allows it, but for its precision, and no others', async () => {
    const found = brokenImages(points, await attack.run(points, contextOf(model, threat)));
    // The boundary is located to within 1e-3 / sqrt(40), 0.016 of epsilon.
    const expected = points.images.filter((row) => margin(row) < 0.98);
    expect(expected.length).toBeGreaterThan(10);
    expect(images.length - expected.length).toBeGreaterThan(10);
    expect(found).toEqual(expect.arrayContaining(expected));
    expect(found.filter((row) => margin(row) > 1.001)).toEqual([]);
  });

  it('gives examples within the threat model, to the bit', async () => {
    const { x, broken } = await attack.run(points, contextOf(model, threat));
    for (const row of points.images.filter((each) => broken[each] === 1)) {
      const candidate = imageOf(x, row, IMAGE_SIZE);
      const clipped = candidate.slice();
      clipToThreat(clipped, imageOf(points.x, row, IMAGE_SIZE), threat);
      expect(clipped).toEqual(candidate);
    }
  });

  it('is gone on with after a kill as if nothing had happened', async () => {
    const some = selected(points, [0, 1, 2, 3, 4, 5], IMAGE_SIZE);
    const context = { ...contextOf(model, threat), batchSize: 4 };
    const undisturbed = await attack.run(some, context);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 500 }), async (evaluations) => {
        const { x, broken } = await interrupted(attack, some, context, evaluations);
        expect(x).toEqual(undisturbed.x);
        expect(broken).toEqual(undisturbed.broken);
      }),
      { numRuns: 12, seed: 1 },
    );
  });

  it('is an attack for L-infinity alone', async () => {
    const running = attack.run(points, contextOf(model, { norm: 'L2', epsilon: 1 }));
    await expect(running).rejects.toThrow(ConfigError);
  });
});

describe('a run of RayS', () => {
  const clean = Float32Array.of(0.5, 0.25, 1, 0);
  const right = { logits: Float32Array.of(1, 0), loss: Number.NaN, gradient: new Float32Array() };
  const wrong = { ...right, logits: Float32Array.of(0, 1) };
  const attackOf = (queries: number) => new RaysRun({ clean, label: 0, epsilon: 0.01, queries });
  const askedBy = (attack: RaysRun) => [...(attack.next?.x ?? [])];

  it('looks in the corners of [0, 1] until the model is wrong in one', () => {
    const attack = attackOf(100);
    expect(askedBy(attack)).toEqual([0, 0, 0, 0]);
    attack.update(right);
    // Halves of the direction (1, 1, 1, 1) are turned.
    expect(askedBy(attack)).toEqual([0, 0, 1, 1]);
    attack.update(right);
    expect(askedBy(attack)).toEqual([1, 1, 0, 0]);
  });

  it('halves the distance, then turns the next block at the distance found', () => {
    const attack = attackOf(100);
    attack.update(wrong);
    expect(askedBy(attack)).toEqual([0, 0, 0.5, 0]);
    let asked = 1;
    for (; attack.save().bracket !== null; asked++) attack.update(right);
    // From the diagonal, 2 long, to less than a thousandth: 11 halvings, all of them right, so that the boundary stays far.
    expect(asked).toBe(12);
    expect(attack.save().radius).toBe(2);
    expect(askedBy(attack)).toEqual([1, 1, 0, 0]);
  });

  it('begins no direction once its queries are spent, but finishes one', () => {
    const attack = attackOf(3);
    attack.update(wrong);
    let asked = 1;
    for (; attack.next !== undefined; asked++) attack.update(right);
    expect(asked).toBe(12);
  });

  it('thinks most of the point at epsilon in the best direction, until it has an example', () => {
    const attack = attackOf(2);
    const at = (...signs: number[]) =>
      Float32Array.from(signs, (sign, k) => Math.min(Math.max(clean[k]! + sign * Math.fround(0.01), 0), 1));
    expect(attack.best).toEqual(at(1, 1, 1, 1));
    attack.update(right);
    attack.update(wrong);
    attack.update(wrong);
    while (attack.next !== undefined) attack.update(right);
    // The first half was turned and found better; the queries were spent then.
    expect(attack.best).toEqual(at(-1, -1, 1, 1));
    const lucky = attackOf(100);
    let example: Float32Array | undefined;
    while (lucky.next !== undefined) example = lucky.update(wrong);
    expect(lucky.best).toBe(example);
  });

  it('takes a model that breaks down for wrong', () => {
    const attack = attackOf(100);
    attack.update({ ...right, logits: Float32Array.of(1, Number.NaN) });
    expect(attack.save().bracket).toEqual({ low: 0, high: 2 });
  });

  it('ends where the model is wrong within epsilon', () => {
    const attack = attackOf(100);
    let example: Float32Array | undefined;
    while (attack.next !== undefined) example = attack.update(wrong);
    expect([...example!].map((value, k) => Math.abs(value - clean[k]!) <= Math.fround(0.01))).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect([...example!]).not.toEqual([...clean]);
  });
});
