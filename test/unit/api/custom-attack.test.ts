import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Attack,
  type AttackDefinition,
  type AttackPoints,
  attack,
  attackRounds,
  type Candidates,
  clipToThreat,
  defineAttack,
  distance,
  type ModelAnswer,
  type OpenModel,
  type readImages,
} from '../../../src/index.ts';
import { demoModel, expectRefusal, LINF, lasting, testImages } from './support.ts';

const IMAGES = 12;

let model: OpenModel;
let data: Awaited<ReturnType<typeof readImages>>;
beforeAll(async () => {
  model = await demoModel();
  data = await testImages(IMAGES);
});
afterAll(() => model.release());

const run = (own: Attack, batchSize = 64) => {
  const { images, labels } = data;
  return attack(model, { images, labels, threat: LINF, attack: own, batchSize });
};

interface FgsmState {
  readonly x: Float32Array;
  readonly step: number;
}

/** One step along the sign of the gradient of cross-entropy (arXiv:1412.6572), then a look at where it led. */
const fgsm: AttackDefinition<FgsmState> = {
  name: 'fgsm',
  roundCost: () => ({ forwards: 1, gradients: 1 }),
  rounds: (classes) => attackRounds({ restarts: 1 }, classes),
  prepare:
    ({ threat }) =>
    ({ clean, label }, _round, saved) => {
      let { x, step } = saved ?? { x: clean.slice(), step: 0 };
      return {
        get next() {
          if (step === 0) return { kind: 'gradient', loss: 'ce', x } as const;
          return step === 1 ? ({ kind: 'logits', x } as const) : undefined;
        },
        get best() {
          return x;
        },
        update({ logits, gradient }: ModelAnswer) {
          step++;
          if (step === 2) return logits.indexOf(Math.max(...logits)) === label ? undefined : x;
          x = clean.map((value, k) => value + threat.epsilon * Math.sign(gradient[k] ?? 0));
          clipToThreat(x, clean, threat);
          return undefined;
        },
        save: () => ({ x, step }),
      };
    },
};

describe('a per-image attack of one’s own', () => {
  test('breaks what one step along the gradient breaks, whatever the batch size', async () => {
    const result = await run(defineAttack(fgsm));
    const { gradient } = await model.gradient({ x: data.images, labels: data.labels });
    const stepped = data.images.map((value, k) =>
      Math.min(1, Math.max(0, value + LINF.epsilon * Math.sign(gradient[k] ?? 0))),
    );
    const logits = await model.logits(stepped);
    const broken = [...data.labels].map((label, i) => {
      const row = logits.subarray(10 * i, 10 * i + 10);
      return result.cleanPredictions[i] === label && row.indexOf(Math.max(...row)) !== label;
    });
    expect(result.brokenBy.map((name) => name === 'fgsm')).toEqual(broken);
    expect(broken.filter(Boolean).length).toBeGreaterThan(2);
    expect(result.usage[0]).toMatchObject({
      attack: 'fgsm',
      gradients: result.cleanPredictions.filter((c, i) => c === data.labels[i]).length,
    });
    expect(lasting(await run(defineAttack(fgsm), 5))).toEqual(lasting(result));
  });
});

/** An attack that hands over what `claim` makes of its points. */
const claiming = (claim: (points: AttackPoints) => Candidates): Attack => ({
  name: 'own',
  cost: () => ({ forwards: 0, gradients: 0 }),
  run: async (points) => claim(points),
});

/** For each image the next one, of another class or not. */
const nextImages = ({ x }: AttackPoints) => Float32Array.from(x, (_, k) => x[(k + 3072) % x.length] ?? 0);

const all = ({ images }: AttackPoints) => new Uint8Array(images.length).fill(1);

describe('an attack’s word counts for nothing', () => {
  test('where it says that clean images are broken', async () => {
    const { robust, brokenBy, robustAccuracy, cleanAccuracy } = await run(
      claiming((points) => ({ x: points.x, broken: all(points) })),
    );
    expect(brokenBy.every((name) => name === null)).toBe(true);
    expect(robust.filter((one) => one === 1).length / IMAGES).toBe(cleanAccuracy);
    expect(robustAccuracy).toBe(cleanAccuracy);
  });

  test.each([
    ['leaves the ball', (points: AttackPoints) => nextImages(points)],
    ['leaves [0, 1]', (points: AttackPoints) => points.x.map((value) => value + 100)],
    ['gives NaN', (points: AttackPoints) => points.x.map(() => Number.NaN)],
    [
      'moves its clean images, and the ball with them',
      (points: AttackPoints) => {
        points.x.set(nextImages(points));
        points.labels.fill(0);
        return points.x;
      },
    ],
  ])('where it %s', async (_, move) => {
    const result = await run(claiming((points) => ({ x: move(points), broken: all(points) })));
    const logits = await model.logits(result.adversarial);
    for (let i = 0; i < IMAGES; i++) {
      const [x, clean] = [result.adversarial, data.images].map((images) => images.subarray(i * 3072, (i + 1) * 3072));
      expect(distance(x!, clean!, 'Linf')).toBeLessThanOrEqual(LINF.epsilon + 1e-6);
      expect(x!.every((value) => value >= 0 && value <= 1)).toBe(true);
      const row = logits.subarray(10 * i, 10 * i + 10);
      const isRight = row.indexOf(Math.max(...row)) === data.labels[i];
      expect(result.robust[i]).toBe(Number(isRight));
    }
  });

  test('and arrays of wrong lengths are refused', async () => {
    const short = claiming((points) => ({ x: points.x.slice(1), broken: all(points) }));
    await expectRefusal(() => run(short), /attack "own" gave no candidates/);
    const nothing: Attack = { ...short, run: () => Promise.resolve(JSON.parse('null')) };
    await expectRefusal(() => run(nothing), /attack "own" gave no candidates/);
  });
});
