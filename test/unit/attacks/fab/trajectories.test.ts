import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ModelAnswer, ModelQuery, PerImageAttack } from '../../../../src/attacks/core/per-image-attack.ts';
import { predictedClass } from '../../../../src/attacks/core/predictions.ts';
import { fabDefinition } from '../../../../src/attacks/fab/fab.ts';
import { distance } from '../../../../src/attacks/norms/threat-model.ts';
import { keyedStream } from '../../../../src/numeric/random.ts';

/** What the original did: see make-fab-trajectories.py beside the fixture. The rows of an array are images. */
interface Fixture {
  readonly x: readonly (readonly number[])[];
  readonly labels: readonly number[];
  readonly logits: readonly (readonly number[])[];
  readonly cases: readonly Trajectory[];
}

interface Trajectory {
  readonly norm: 'Linf' | 'L2' | 'L1';
  readonly targeted: boolean;
  readonly iterations: number;
  readonly steps: readonly Step[];
  readonly targets?: readonly number[];
  /** The closest adversarial points, or the clean images. */
  readonly adversarial: readonly (readonly number[])[];
}

interface Step {
  readonly start: readonly (readonly number[])[];
  /** [images][classes], of the target alone where there is one. */
  readonly differences: readonly (readonly number[])[];
  /** [images][classes][imageSize] */
  readonly gradients: readonly (readonly (readonly number[])[])[];
  readonly end: readonly (readonly number[])[];
  readonly logits: readonly (readonly number[])[];
}

const fixture: Fixture = JSON.parse(
  readFileSync(new URL('../../../fixtures/attacks/fab-trajectories.json', import.meta.url), 'utf8'),
);
const SIZE = fixture.x[0]!.length;
const CLASSES = fixture.logits[0]!.length;
/** The original's float32 differs by as much after a dozen steps. */
const GAP = 2e-6;

describe.each(fixture.cases)('FAB beside the original: $norm, targeted $targeted', (trajectory) => {
  const { norm, targeted, iterations, steps } = trajectory;
  const definition = fabDefinition({ name: 'fab', targeted, iterations, restarts: 1 });
  const model = { classes: CLASSES, imageSize: SIZE, imageShape: [1, 1, SIZE], randomised: false } as const;
  // Everything counts as found.
  const enter = definition.prepare({ model, threat: { norm, epsilon: 100 } });

  it.each(fixture.labels.map((label, row) => ({ label, row })))('goes the same way, image $row', ({ label, row }) => {
    const clean = Float32Array.from(fixture.x[row]!);
    const sample = { clean, label, logits: Float32Array.from(fixture.logits[row]!), stream: keyedStream(['unused']) };
    const attack = enter(sample, targeted ? { restart: 0, targetRank: 0 } : { restart: 0 });
    let found: Float32Array = clean;
    for (let query = attack.next; query !== undefined; query = attack.next) {
      found = attack.update(played(trajectory, row, label, query, attack))?.slice() ?? found;
    }
    expect(attack.save().steps).toBe(steps.length);
    expect(largestGap(found, trajectory.adversarial[row]!)).toBeLessThan(GAP);
    const best = steps.filter(({ logits }) => predictedClass(Float32Array.from(logits[row]!), 0, CLASSES) !== label);
    expect(best.length).toBeGreaterThan(0);
    expect(attack.save().closest).toBe(distance(found, clean, norm));
  });
});

/** The recorded answer, the question being asked where the original asked it. */
function played(
  { steps, targeted, targets }: Trajectory,
  row: number,
  label: number,
  query: ModelQuery,
  attack: PerImageAttack<{ readonly steps: number; readonly isUnchecked: boolean }>,
): ModelAnswer {
  const { steps: taken, isUnchecked } = attack.save();
  const logits = Float32Array.from(steps[Math.max(taken - 1, 0)]!.logits[row]!);
  const expected = isUnchecked ? steps[taken - 1]!.end : steps[taken]!.start;
  expect(largestGap(query.x, expected[row]!)).toBeLessThan(GAP);
  if (query.kind === 'logits') return { logits, loss: Number.NaN, gradient: new Float32Array() };
  expect(query.loss).toBe('difference');
  if (targeted) expect(query.target).toBe(targets![row]);
  // Where the step crossed, the original asked for the gradient elsewhere: this one must not be looked at.
  const crossed = predictedClass(logits, 0, CLASSES) !== label;
  if (isUnchecked && crossed) return { logits, loss: Number.NaN, gradient: new Float32Array(SIZE).fill(Number.NaN) };
  const index = targeted ? 0 : query.target!;
  const { differences, gradients } = steps[taken]!;
  return { logits, loss: differences[row]![index]!, gradient: Float32Array.from(gradients[row]![index]!) };
}

function largestGap(actual: Float32Array, expected: readonly number[]): number {
  return expected.reduce((largest, value, k) => Math.max(largest, Math.abs(actual[k]! - value)), 0);
}
