import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { AttackedModel, LossBatch } from '../../../src/attacks/core/attack.ts';
import { isWithinThreat } from '../../../src/attacks/norms/threat-model.ts';
import { type PmaOptions, pma } from '../../../src/attacks/pgd/pma.ts';
import { createAttack } from '../../../src/attacks/suites.ts';
import { keyedStream, type StreamKey } from '../../../src/numeric/random.ts';
import { attackedModel, type Classifier, equidistantClassifier } from '../../support/linear-model.ts';
import { logitLoss } from './logit-losses.ts';
import { brokenImages, contextOf, interiorImages, pointsOf, relativeMargin, selected } from './support.ts';

type Rows = readonly (readonly number[])[];

/** One evaluation of the original; without gradients where it is the last of a run. */
interface Step {
  /** Those still robust; rows are theirs. */
  readonly images: readonly number[];
  readonly x: Rows;
  readonly logits: Rows;
  readonly logitGradient?: Rows;
  readonly gradient?: Rows;
}

/** What the original did, and what the model answered: see make-pma.py beside the fixture. */
interface Fixture {
  readonly epsilon: number;
  readonly x: Rows;
  readonly labels: readonly number[];
  readonly runs: readonly { iterations: number; broken: readonly number[]; steps: readonly Step[] }[];
}

const fixture: Fixture = JSON.parse(readFileSync(new URL('../../fixtures/attacks/pma.json', import.meta.url), 'utf8'));
const CLASSES = fixture.runs[0]!.steps[0]!.logits[0]!.length;
const OPTIONS: PmaOptions = { name: 'pma', iterations: 20, terms: ['label', 'other'], restarts: 1, eot: 1 };

describe('PMA beside the original', () => {
  it.each(fixture.runs)('goes the same way in both runs of $iterations steps, and breaks the same', async (run) => {
    const { epsilon, labels, x } = fixture;
    const gaps: number[] = [];
    let played = 0;
    const next = (points: Float32Array) => {
      const step = run.steps[played++]!;
      gaps.push(largestGap(points, step.x.flat()));
      return { ...step, of: (played - 1) % (run.iterations + 1) };
    };
    const model: AttackedModel = {
      classes: CLASSES,
      imageSize: x[0]!.length,
      imageShape: [2, 2, 2],
      randomised: false,
      logits: async (points) => Float32Array.from(next(points).logits.flat()),
      async gradient(loss, batch) {
        expect(loss).toBe('probability-margin');
        const { images, logits, logitGradient, gradient, of } = next(batch.x);
        expect([...batch.labels]).toEqual(images.map((image) => labels[image]));
        const factor = factorOf(of, run.iterations);
        expectGradients(batch, logits, logitGradient!, factor);
        return {
          loss: new Float32Array(images.length),
          logits: Float32Array.from(logits.flat()),
          gradient: Float32Array.from(gradient!.flat(), (value) => factor * value),
        };
      },
    };
    const points = {
      x: Float32Array.from(x.flat()),
      labels: Int32Array.from(labels),
      images: [...labels.keys()],
      logits: new Float32Array(labels.length * CLASSES),
    };
    const stream = startOf(run.steps, run.iterations);
    const context = { ...contextOf(model, { norm: 'Linf', epsilon }), stream };
    const { broken } = await pma({ ...OPTIONS, iterations: run.iterations }).run(points, context);

    expect(played).toBe(run.steps.length);
    // Ours steps as APGD does, which rounds once more.
    expect(Math.max(...gaps)).toBeLessThan(2e-7);
    expect([...broken]).toEqual(run.broken);
  });
});

/** Our loss in units of the original's: its very first step, up the label's probability, goes down ours; terms count double. */
function factorOf(step: number, iterations: number): number {
  if (step === 0) return -2;
  return step < iterations / 2 ? 2 : 1;
}

/** The loss asked for has the original's gradient with respect to the logits. */
function expectGradients({ labels, weights }: LossBatch, logits: Rows, expected: Rows, factor: number): void {
  for (const [row, z] of logits.entries()) {
    const { gradient } = logitLoss('probability-margin', z, labels[row]!, { weight: weights![row]! });
    expect(
      largestGap(
        Float32Array.from(gradient),
        expected[row]!.map((value) => factor * value),
      ),
    ).toBeLessThan(1e-6);
  }
}

/** Streams that draw where the original's runs started. */
function startOf(steps: readonly Step[], iterations: number) {
  return (image: number, _restart: StreamKey[number], run: StreamKey[number]) => {
    const { images, x } = steps[Number(run) * (iterations + 1)]!;
    const clean = fixture.x[image]!;
    const draws = x[images.indexOf(image)]!.map((value, k) => ((value - clean[k]!) / fixture.epsilon + 1) / 2);
    return { ...keyedStream(['start']), uniform: () => draws.shift()! };
  };
}

function largestGap(actual: Float32Array, expected: readonly number[]): number {
  return expected.reduce((largest, value, k) => Math.max(largest, Math.abs(actual[k]! - Math.fround(value))), 0);
}

const IMAGE_SIZE = 40;
const THREATS = [
  { norm: 'Linf', epsilon: 0.006 },
  { norm: 'L2', epsilon: 0.03 },
  { norm: 'L1', epsilon: 0.12 },
] as const;

describe.each(THREATS)('the margin of probabilities in $norm', (threat) => {
  describe.each([2, 3, 6])('on a linear classifier of %d classes', (classes) => {
    const classifier = equidistantClassifier(classes, IMAGE_SIZE);
    const margin = (image: readonly number[]) => relativeMargin(classifier, image, threat.norm, threat.epsilon);
    const images = interiorImages(2, 100, IMAGE_SIZE).filter((image) => margin(image) < 0.7 || margin(image) > 1.02);
    const points = pointsOf(classifier, images);
    const breakable = points.images.filter((row) => margin(images[row]!) < 1);

    it.each([{ attack: 'pma', iterations: 20 }, { attack: 'apgd-pm' }] as const)(
      '$attack breaks exactly the points whose margin allows it, and never leaves the threat model',
      async (spec) => {
        const outside = new Set<number>();
        const broken: number[] = [];
        // One at a time: a model does not know whose point it sees.
        for (const row of points.images) {
          const one = selected(points, [row], IMAGE_SIZE);
          const onGradient = ({ x }: LossBatch) => {
            if (!isWithinThreat(x, one.x, threat)) outside.add(row);
          };
          const model = attackedModel(classifier, { onGradient });
          broken.push(...brokenImages(one, await createAttack(spec).run(one, contextOf(model, threat))));
        }
        expect([...outside]).toEqual([]);
        expect(broken).toEqual(breakable);
        expect(breakable.length).toBeGreaterThan(10);
        expect(images.length - breakable.length).toBeGreaterThan(10);
      },
    );
  });

  const classifier = equidistantClassifier(4, IMAGE_SIZE);
  const points = pointsOf(classifier, interiorImages(3, 5, IMAGE_SIZE));
  const tiny = { ...threat, epsilon: 1e-4 };

  it.each([
    { attack: 'pma', iterations: 7, eot: 2, restarts: 2 },
    { attack: 'apgd-pm', iterations: 7, eot: 2, restarts: 2 },
  ] as const)('$attack costs what it announces', async (spec) => {
    let [gradients, forwards] = [0, 0];
    const model = attackedModel(classifier, { onGradient: ({ labels }) => (gradients += labels.length) });
    const counted: AttackedModel = {
      ...model,
      logits: (x, streams) => {
        forwards += streams.length;
        return model.logits(x, streams);
      },
    };
    const attack = createAttack(spec);
    await attack.run(points, contextOf(counted, tiny));
    const { length } = points.images;
    expect({ forwards: forwards / length, gradients: gradients / length }).toEqual(attack.cost(4));
  });

  it.each(['pma', 'apgd-pm'] as const)('%s averages gradients before it steps', async (attack) => {
    const plain = await pathOf(attackedModel(classifier), { attack, eot: 1 });
    const averaged = await pathOf(alternating(classifier), { attack, eot: 4 });
    const misled = await pathOf(alternating(classifier), { attack, eot: 1 });
    expect(largestGap(averaged[4 * 4]!, [...plain[4]!])).toBeLessThan(1e-7);
    expect(largestGap(misled[4]!, [...plain[4]!])).toBeGreaterThan(5e-7);
  });

  it.each(['pma', 'apgd-pm'] as const)('%s stays where it is when gradients are no numbers', async (attack) => {
    const model = attackedModel(classifier);
    const blind: AttackedModel = {
      ...model,
      gradient: async (...query) => ({ ...(await model.gradient(...query)), gradient: points.x.map(() => Number.NaN) }),
    };
    const path = await pathOf(blind, { attack, eot: 1 });
    expect(largestGap(path[5]!, [...path[0]!])).toBeLessThan(1e-6);
  });

  /** The points that an attack of 8 steps evaluates a gradient at, one image. */
  async function pathOf(model: AttackedModel, spec: { readonly attack: 'pma' | 'apgd-pm'; readonly eot: number }) {
    const path: Float32Array[] = [];
    const watched: AttackedModel = {
      ...model,
      gradient: (loss, batch, streams) => {
        path.push(batch.x.slice());
        return model.gradient(loss, batch, streams);
      },
    };
    const one = selected(points, [0], IMAGE_SIZE);
    await createAttack({ ...spec, iterations: 8 }).run(one, contextOf(watched, tiny));
    return path;
  }
});

/** Every other gradient is turned round, and half as long. */
function alternating(classifier: Classifier): AttackedModel {
  const model = attackedModel(classifier);
  let asked = 0;
  return {
    ...model,
    async gradient(...query) {
      const answer = await model.gradient(...query);
      const factor = asked++ % 2 === 0 ? 1 : -0.5;
      return { ...answer, gradient: answer.gradient.map((value) => factor * value) };
    },
  };
}

it('starts PMA anywhere in the cube, within [0, 1]', async () => {
  const classifier = equidistantClassifier(4, IMAGE_SIZE);
  const points = pointsOf(classifier, interiorImages(5, 20, IMAGE_SIZE));
  let start = new Float32Array();
  const onGradient = ({ x }: LossBatch) => {
    if (start.length === 0) start = x.slice();
  };
  const context = contextOf(attackedModel(classifier, { onGradient }), { norm: 'Linf', epsilon: 0.5 });
  await pma({ ...OPTIONS, iterations: 1 }).run(points, context);
  expect(start.every((value) => value >= 0 && value <= 1)).toBe(true);
  const offsets = Array.from(start, (value, k) => Math.abs(value - points.x[k]!)).filter((offset) => offset < 0.4);
  // 800 draws: those below 0.4 are four fifths of them, a quarter of these below 0.1.
  expect(offsets.length / start.length).toBeCloseTo(0.8, 1);
  expect(offsets.filter((offset) => offset < 0.1).length / offsets.length).toBeCloseTo(0.25, 1);
});
