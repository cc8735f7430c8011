import { describe, expect, it } from 'vitest';
import { type ApgdOptions, apgd } from '../../../src/attacks/apgd/apgd.ts';
import type { AttackedModel, AttackPoints, LossBatch, ThreatModel } from '../../../src/attacks/core/attack.ts';
import type { LossName } from '../../../src/attacks/core/losses.ts';
import { distance } from '../../../src/attacks/norms/threat-model.ts';
import { ConfigError } from '../../../src/errors.ts';
import { keyedStream, type RandomSource } from '../../../src/numeric/random.ts';
import { contextOf, imageOf } from './support.ts';

const IMAGE_SIZE = 4;
const CLASSES = 5;
const threat: ThreatModel = { norm: 'Linf', epsilon: 0.1 };
/** Three grey images of class 0, 1 and 2. */
const points: AttackPoints = {
  x: new Float32Array(3 * IMAGE_SIZE).fill(0.5),
  labels: Int32Array.of(0, 1, 2),
  images: [10, 11, 12],
  logits: new Float32Array(3 * CLASSES),
};
const UP = Array<number>(IMAGE_SIZE).fill(1);

function attackOn(loss: LossName, changes: Partial<ApgdOptions> = {}) {
  return apgd({ name: 'apgd', loss, iterations: 10, restarts: 1, eot: 1, start: 'clean', ...changes });
}

interface Script {
  /** Gradient of the image in a row; straight up where left out. */
  readonly gradient?: (batch: LossBatch, row: number, stream: RandomSource) => readonly number[];
  /** Whether a row is misclassified in a call; never where left out. */
  readonly wrong?: (batch: LossBatch, row: number, call: number) => boolean;
}

/** A model that does as it is told, and the calls it got. */
function scripted({ gradient = () => UP, wrong = () => false }: Script = {}) {
  const calls: LossBatch[] = [];
  const answer = (label: number, isWrong: boolean) =>
    Array.from({ length: CLASSES }, (_, k) => ((k === label) === isWrong ? 0 : 1));
  const model: AttackedModel = {
    classes: CLASSES,
    imageSize: IMAGE_SIZE,
    imageShape: [1, 2, 2],
    randomised: true,
    logits: async () => expect.fail('asked for logits'),
    async gradient(_, batch, streams) {
      calls.push({ ...batch, x: batch.x.slice() });
      const labels = [...batch.labels];
      return {
        loss: new Float32Array(labels.length),
        logits: Float32Array.from(labels.flatMap((label, row) => answer(label, wrong(batch, row, calls.length - 1)))),
        gradient: Float32Array.from(streams.flatMap((stream, row) => [...gradient(batch, row, stream)])),
      };
    },
  };
  return { model, calls };
}

describe('evaluations', () => {
  it('are iterations + 1 for each restart, times the gradients averaged, and no logits besides', async () => {
    const { model, calls } = scripted();
    await attackOn('ce', { restarts: 3, eot: 4 }).run(points, contextOf(model, threat));
    expect(calls).toHaveLength(3 * 4 * 11);
  });

  it('are those for each target, which are the wrong classes by falling clean logit', async () => {
    const { model, calls } = scripted();
    const logits = Float32Array.from([5, 1, 3, 2, 4, /**/ 3, 9, 3, 1, 1, /**/ 0, 0, 8, 0, -1]);
    await attackOn('dlr-targeted', { targets: 3, restarts: 2 }).run({ ...points, logits }, contextOf(model, threat));
    const targets = [
      [4, 2, 3],
      [2, 0, 1],
      [3, 4, 0],
    ];
    expect(calls.map((call) => [...call.targets!])).toEqual(targets.flatMap((each) => Array(2 * 11).fill(each)));
  });

  it('stop at the number of wrong classes', async () => {
    const { model, calls } = scripted();
    const context = contextOf(model, threat);
    await attackOn('dlr-targeted', { targets: 9 }).run(points, context);
    expect(calls).toHaveLength((CLASSES - 1) * 11);
  });
});

describe('broken images', () => {
  // Image of class 1 is misclassified in the third and the fifth evaluation of a run.
  const wrong: Script['wrong'] = ({ labels }, row, call) => labels[row] === 1 && (call === 2 || call === 4);

  it('leave the batch at once where the first example is kept', async () => {
    const { model, calls } = scripted({ wrong });
    const { x, broken } = await attackOn('ce', { restarts: 2 }).run(points, contextOf(model, threat));
    expect(calls.map(({ labels }) => [...labels])).toEqual([
      ...Array(3).fill([0, 1, 2]),
      ...Array(8).fill([0, 2]),
      ...Array(11).fill([0, 2]),
    ]);
    expect([...broken]).toEqual([0, 1, 0]);
    expect(imageOf(x, 1, IMAGE_SIZE)).toEqual(imageOf(calls[2]!.x, 1, IMAGE_SIZE));
  });

  it('stay to the end of the restart where the last one is, which is kept', async () => {
    const { model, calls } = scripted({ wrong });
    const context = contextOf(model, threat, { examples: 'last' });
    const { x } = await attackOn('ce', { restarts: 2, start: 'random' }).run(points, context);
    expect(calls.map(({ labels }) => labels.length)).toEqual([...Array(11).fill(3), ...Array(11).fill(2)]);
    expect(imageOf(x, 1, IMAGE_SIZE)).toEqual(imageOf(calls[4]!.x, 1, IMAGE_SIZE));
  });

  it('end the attack once there are no others', async () => {
    const { model, calls } = scripted({ wrong: () => true });
    const { x } = await attackOn('ce', { restarts: 5 }).run(points, contextOf(model, threat));
    expect(calls).toHaveLength(1);
    expect(x).toEqual(points.x);
  });

  it('are counted as it goes', async () => {
    const { model } = scripted({ wrong });
    const steps: unknown[] = [];
    const context = contextOf(model, threat, { progress: (step) => steps.push(step) });
    await attackOn('ce', { restarts: 2, iterations: 3 }).run(points, context);
    // Of six rounds of four evaluations; what the image that breaks need not do counts as done.
    const rounds = [0.75, 1.5, 3.5, 4, 4.5, 5, 5.5, 6];
    expect(steps).toEqual(
      rounds.map((done, step) => ({ broken: step < 2 ? 0 : 1, fraction: expect.closeTo(done / 6, 10) })),
    );
  });
});

describe('gradients', () => {
  it('that are not finite move neither their own image nor others', async () => {
    const poison = [[Number.NaN, 1, 1, 1], UP, [1, Number.POSITIVE_INFINITY, -1, 1]];
    const { model, calls } = scripted({ gradient: ({ labels }, row) => poison[labels[row]!]! });
    await attackOn('ce', { iterations: 1 }).run(points, contextOf(model, threat));
    const grey = [0.5, 0.5, 0.5, 0.5];
    const raised = grey.map((value) => Math.fround(value + Math.fround(0.1)));
    expect([...calls[1]!.x]).toEqual([...grey, ...raised, ...grey]);
  });

  it('are averaged over the evaluations of a step, each with fresh noise from the image’s own stream', async () => {
    const drawn: number[][] = [];
    const gradient: Script['gradient'] = (_, row, stream) => {
      const noise = UP.map(() => stream.normal());
      if (row === 1) drawn.push(noise);
      return noise;
    };
    const { model, calls } = scripted({ gradient });
    await attackOn('ce', { eot: 3, iterations: 1 }).run(points, contextOf(model, threat));

    const stream = keyedStream([0, 11, 'restart', 0]);
    expect(drawn.slice(0, 3)).toEqual([0, 1, 2].map(() => UP.map(() => stream.normal())));
    const signs = UP.map((_, k) => Math.sign(drawn[0]![k]! + drawn[1]![k]! + drawn[2]![k]!));
    const moved = [...imageOf(calls[3]!.x, 1, IMAGE_SIZE)].map((value) => Math.sign(value - 0.5));
    expect(moved).toEqual(signs);
    expect(calls.map(({ x }) => x)).toEqual([0, 0, 0, 3, 3, 3].map((call) => calls[call]!.x));
  });
});

describe('several evaluations of a step', () => {
  it('count by their last logits, as in the original', async () => {
    const wrongAt = (calls: readonly number[]): Script => ({
      wrong: (_, row, call) => row === 1 && calls.includes(call),
    });
    const broken = async (script: Script) => {
      const attack = attackOn('ce', { eot: 3, iterations: 1 });
      return [...(await attack.run(points, contextOf(scripted(script).model, threat))).broken];
    };
    expect(await broken(wrongAt([0, 1, 3, 4]))).toEqual([0, 0, 0]);
    expect(await broken(wrongAt([5]))).toEqual([0, 1, 0]);
  });

  it('give the mean of their gradients, not the sum', async () => {
    // So small that the 1e-12 beside the norm tells them apart: |mean| = 5e-13 makes a third of the step.
    const { model, calls } = scripted({ gradient: () => UP.map(() => 2.5e-13) });
    const context = contextOf(model, { norm: 'L2', epsilon: 0.1 });
    await attackOn('ce', { eot: 3, iterations: 1 }).run(points, context);
    const moved = distance(imageOf(calls[3]!.x, 0, IMAGE_SIZE), imageOf(points.x, 0, IMAGE_SIZE), 'L2');
    expect(moved).toBeCloseTo(0.2 / 3, 6);
  });
});

describe('random starts', () => {
  it('differ between images, restarts and targets', async () => {
    const { model, calls } = scripted();
    const context = contextOf(model, threat);
    await attackOn('dlr-targeted', { targets: 2, restarts: 2, iterations: 1, start: 'random' }).run(points, context);
    const starts = calls
      .filter((_, call) => call % 2 === 0)
      .flatMap(({ x }) => [0, 1, 2].map((row) => imageOf(x, row, IMAGE_SIZE).join()));
    expect(new Set(starts).size).toBe(12);
  });
});

describe('refusals', () => {
  it.each([
    ['dlr', 2],
    ['dlr-targeted', 3],
  ] as const)('%s on a model of %d classes', async (loss, classes) => {
    const { model } = scripted();
    const attack = attackOn(loss).run(points, contextOf({ ...model, classes }, threat));
    await expect(attack).rejects.toThrow(ConfigError);
    await expect(attack).rejects.toThrow('use apgd-ce or apgd-cw');
  });
});
