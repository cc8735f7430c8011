import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { apgd } from '../../../src/attacks/apgd/apgd.ts';
import type { AttackedModel } from '../../../src/attacks/core/attack.ts';
import type { LossName } from '../../../src/attacks/core/losses.ts';
import { contextOf } from './support.ts';

/** What the original did, and what the model answered: see make-trajectories.py beside the fixture. Rows are images. */
interface Trajectory {
  readonly norm: 'Linf' | 'L2';
  readonly epsilon: number;
  readonly loss: LossName;
  readonly iterations: number;
  /** iterations + 1 of them. */
  readonly steps: readonly Step[];
  readonly broken: readonly number[];
  /** The last misclassified iterate, where there is one. */
  readonly adversarial: readonly (readonly number[])[];
}

interface Step {
  readonly x: readonly (readonly number[])[];
  readonly logits: readonly (readonly number[])[];
  readonly gradient: readonly (readonly number[])[];
  readonly loss: readonly number[];
}

interface Fixture {
  readonly x: readonly (readonly number[])[];
  readonly labels: readonly number[];
  /** Each image's most likely wrong class. */
  readonly targets: readonly number[];
  readonly cases: readonly Trajectory[];
}

const fixture: Fixture = JSON.parse(
  readFileSync(new URL('../../fixtures/attacks/trajectories.json', import.meta.url), 'utf8'),
);
const points = {
  x: Float32Array.from(fixture.x.flat()),
  labels: Int32Array.from(fixture.labels),
  images: [...fixture.labels.keys()],
};

/** L-infinity is the same float32 arithmetic; L2 sums in float64 where the original sums in float32. */
const GAPS = { Linf: 0, L2: 5e-7 };

describe.each(fixture.cases)('APGD beside the original: $norm, $loss, $iterations steps', (trajectory) => {
  const { norm, epsilon, loss, iterations, steps } = trajectory;

  it('goes the same way step by step and keeps the same examples', async () => {
    const gaps: number[] = [];
    const model = player(steps, ({ x }, { x: expected }) => gaps.push(largestGap(x, expected.flat())));
    const attack = apgd({ name: 'apgd', loss, iterations, restarts: 1, eot: 1, targets: 1, start: 'clean' });
    const found = await attack.run(
      { ...points, logits: Float32Array.from(steps[0]!.logits.flat()) },
      contextOf(model, { norm, epsilon }, { examples: 'last' }),
    );

    expect(gaps).toHaveLength(iterations + 1);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(GAPS[norm]);
    expect([...found.broken]).toEqual(trajectory.broken);
    const examples = trajectory.broken.flatMap((broken, row) =>
      broken === 1 ? trajectory.adversarial[row]! : fixture.x[row]!,
    );
    expect(largestGap(found.x, examples)).toBeLessThanOrEqual(GAPS[norm]);
  });
});

/** A model that gives the recorded answers in turn, whatever it is asked. */
function player(
  steps: readonly Step[],
  onStep: (batch: Parameters<AttackedModel['gradient']>[1], step: Step) => void,
): AttackedModel {
  const [start] = steps;
  let played = 0;
  return {
    classes: start!.logits[0]!.length,
    imageSize: start!.x[0]!.length,
    imageShape: [1, 1, start!.x[0]!.length],
    randomised: false,
    logits: async () => Float32Array.from(start!.logits.flat()),
    async gradient(_, batch) {
      const step = steps[played++]!;
      onStep(batch, step);
      if (batch.targets !== undefined) expect([...batch.targets]).toEqual(fixture.targets);
      return {
        loss: Float32Array.from(step.loss),
        logits: Float32Array.from(step.logits.flat()),
        gradient: Float32Array.from(step.gradient.flat()),
      };
    },
  };
}

function largestGap(actual: Float32Array, expected: readonly number[]): number {
  return expected.reduce((largest, value, k) => Math.max(largest, Math.abs(actual[k]! - Math.fround(value))), 0);
}
