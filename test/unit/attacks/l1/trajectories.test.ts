import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { L1ApgdRun, type L1ApgdState, l1Moves, radiusStages } from '../../../../src/attacks/apgd/l1-apgd-run.ts';
import type { LossName } from '../../../../src/attacks/core/losses.ts';
import type { ModelQuery, Sample } from '../../../../src/attacks/core/per-image-attack.ts';
import { keyedStream } from '../../../../src/numeric/random.ts';

type Rows = readonly (readonly number[])[];

/** What the original did, and what the model answered: see make-trajectories.py beside the fixture. Rows are images. */
interface Trajectory {
  readonly epsilon: number;
  readonly loss: LossName;
  readonly iterations: number;
  /** From a random start, from the clean image, or at radii that shrink. */
  readonly run: 'fresh' | 'clean' | 'shrinking';
  readonly noise: Rows | null;
  readonly steps: readonly Step[];
  readonly broken: readonly number[];
  readonly adversarial: Rows;
}

interface Step {
  readonly x: Rows;
  readonly logits: Rows;
  readonly gradient: Rows;
  readonly loss: readonly number[];
}

interface Fixture {
  readonly x: Rows;
  readonly labels: readonly number[];
  readonly targets: readonly number[];
  readonly cases: readonly Trajectory[];
}

const fixture: Fixture = JSON.parse(
  readFileSync(new URL('../../../fixtures/attacks/l1-trajectories.json', import.meta.url), 'utf8'),
);
const images = [...fixture.labels.keys()];
const imageSize = fixture.x[0]!.length;
const moves = l1Moves(imageSize);
/** The original finds the projection's cut from float32 sums. */
const GAP = 1e-6;

describe.each(fixture.cases)('APGD in L1 beside the original: $run, $loss, $iterations steps', (trajectory) => {
  it.each(images)('goes the same way step by step and keeps the same example: image %d', (row) => {
    const { asked, example } = replay(trajectory, row);
    const gaps = asked.map((x, step) => largestGap(x, trajectory.steps[step]!.x[row]!));
    expect(asked).toHaveLength(trajectory.steps.length);
    expect(Math.max(...gaps)).toBeLessThan(GAP);
    expect(example === undefined ? 0 : 1).toBe(trajectory.broken[row]);
    if (example !== undefined) expect(largestGap(example, trajectory.adversarial[row]!)).toBeLessThan(GAP);
  });

  it('goes the same way, bit for bit, when it is saved and restored before every step', () => {
    expect(replay(trajectory, 0, structuredClone)).toEqual(replay(trajectory, 0));
  });
});

interface Replay {
  /** The points asked about. */
  readonly asked: readonly Float32Array[];
  /** The last point returned. */
  readonly example: Float32Array | undefined;
}

/** Lets APGD run on the recorded answers; with `carry`, what it saves goes through that into a new one each step. */
function replay(trajectory: Trajectory, row: number, carry?: (state: L1ApgdState) => L1ApgdState): Replay {
  const { epsilon, loss, iterations, run, steps } = trajectory;
  const targeted = loss === 'dlr-targeted';
  const options = {
    loss,
    parameters: targeted ? { target: fixture.targets[row]! } : {},
    eot: 1,
    start: run === 'clean' ? 'clean' : 'random',
    stages: radiusStages(epsilon, iterations, run === 'shrinking'),
  } as const;
  const sample = sampleOf(trajectory, row);
  let attack = new L1ApgdRun(options, sample, moves);
  const asked: Float32Array[] = [];
  let example: Float32Array | undefined;
  for (let query: ModelQuery | undefined = attack.next; query !== undefined; query = attack.next) {
    const step = steps[asked.length]!;
    asked.push(query.x.slice());
    const found = attack.update({
      logits: Float32Array.from(step.logits[row]!),
      loss: Math.fround(step.loss[row]!),
      gradient: Float32Array.from(step.gradient[row]!),
    });
    if (found !== undefined) example = found.slice();
    if (carry !== undefined && attack.next !== undefined)
      attack = new L1ApgdRun(options, sample, moves, carry(attack.save()));
  }
  return { asked, example };
}

/** The image with the noise that the original drew. */
function sampleOf({ noise, steps }: Trajectory, row: number): Sample {
  const drawn = [...(noise?.[row] ?? [])];
  const stream = { ...keyedStream(['replay']), normal: () => drawn.shift()! };
  return {
    clean: Float32Array.from(fixture.x[row]!),
    label: fixture.labels[row]!,
    logits: Float32Array.from(steps[0]!.logits[row]!),
    stream,
  };
}

function largestGap(actual: Float32Array, expected: readonly number[]): number {
  return expected.reduce((largest, value, k) => Math.max(largest, Math.abs(actual[k]! - Math.fround(value))), 0);
}
