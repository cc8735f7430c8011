import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Attack,
  type AttackOptions,
  attack,
  defend,
  distance,
  type OpenModel,
  onnxRuntime,
  openModel,
  predictedClass,
  type readImages,
} from '../../../src/index.ts';
import { CHECKPOINT, demoModel, expectRefusal, LINF, lasting, scoresOfMasks, testImages } from './support.ts';

const IMAGES = 12;
const QUICK = [
  { attack: 'apgd-ce', iterations: 6 },
  { attack: 'square', queries: 60 },
] as const;

let model: OpenModel;
let data: Awaited<ReturnType<typeof readImages>>;
beforeAll(async () => {
  model = await demoModel();
  data = await testImages(IMAGES);
});
afterAll(() => model.release());

const run = (changes: Partial<AttackOptions>, on: OpenModel = model) => {
  const { images, labels } = data;
  return attack(on, { images, labels, threat: LINF, ...changes });
};

/** Rows of a result that its own numbers contradict, judged by the model once more. */
async function contradictions(result: Awaited<ReturnType<typeof attack>>, on: OpenModel = model): Promise<number[]> {
  const logits = await on.logits(result.adversarial);
  const row = (x: Float32Array, i: number) => x.subarray(i * 3072, (i + 1) * 3072);
  return [...result.robust.keys()].filter((i) => {
    const gap = distance(row(result.adversarial, i), row(data.images, i), 'Linf');
    const prediction = predictedClass(logits, i, 10);
    const isBroken = result.brokenBy[i] !== null;
    const isRobust = result.cleanPredictions[i] === data.labels[i] && !isBroken;
    return (
      gap > LINF.epsilon + 1e-6 ||
      prediction !== result.adversarialPredictions[i] ||
      isBroken !== gap > 0 ||
      (isBroken && prediction === data.labels[i]) ||
      isRobust !== (result.robust[i] === 1)
    );
  });
}

describe('attack', () => {
  test('says of every image what it says it says', async () => {
    const result = await run({ suite: QUICK });
    expect(await contradictions(result)).toEqual([]);
    expect(result.brokenBy.filter((name) => name !== null).length).toBeGreaterThan(2);
    expect(result.robustAccuracy).toBe(result.robust.filter((one) => one === 1).length / IMAGES);
    expect(result.cleanAccuracy).toBeGreaterThan(result.robustAccuracy);
    expect(result.usage.map(({ attack: name }) => name)).toEqual(['apgd-ce', 'square']);
    expect(result.checks).toEqual({ randomised: false, probabilities: false, zeroGradientImages: 0 });
  });

  test('does not depend on the batch size', async () => {
    const [one, other] = [await run({ suite: QUICK, batchSize: 64 }), await run({ suite: QUICK, batchSize: 5 })];
    expect(lasting(other)).toEqual(lasting(one));
  });

  test('of a part of the images is the same, where they keep their indices', async () => {
    const whole = await run({ attack: QUICK[0] });
    const [from, to] = [7, 10];
    const part = await run({
      ...{ attack: QUICK[0], images: data.images.slice(from * 3072, to * 3072), labels: data.labels.slice(from, to) },
      indices: [7, 8, 9],
    });
    expect(part.brokenBy).toEqual(whole.brokenBy.slice(from, to));
    expect([...part.robust]).toEqual([...whole.robust.slice(from, to)]);
  });

  test('tells of every attack that broke an image, where they do not share them', async () => {
    const suite = [QUICK[0], { attack: 'pgd', iterations: 6 }] as const;
    const { brokenByEach, brokenBy } = await run({ suite, protocol: 'individual' });
    expect(brokenByEach.map(([first = null]) => first)).toEqual(brokenBy);
    expect(brokenByEach.some((names) => names.length === 2)).toBe(true);
  });

  test('reports how far it is', async () => {
    const steps: number[] = [];
    await run({ attack: QUICK[0], onProgress: ({ fraction, total }) => steps.push(fraction + (total - IMAGES)) });
    expect(steps.at(-1)).toBeCloseTo(1);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
  });

  test('sees through a defence, and attacks it from the base and from surrogates', async () => {
    const ranking = { scores: scoresOfMasks('layer4') };
    await using defended = defend(model, {
      layer: 'layer4',
      ranking,
      importantUnits: 12,
      temperature: 1,
      smoothing: { samples: 2, sigma: 0.25 },
    });
    const transfer = { attack: 'apgd-ce', iterations: 6, name: 'transfer', on: { variant: 'none' } } as const;
    const straight = { attack: 'apgd-ce', iterations: 6, name: 'straight', on: { mask: 'hard' } } as const;
    const suite = [transfer, straight, { attack: 'apgd-ce', iterations: 4, eot: 2 }] as const;
    const result = await run({ suite, protocol: 'individual' }, defended);
    expect(result.checks.randomised).toBe(true);
    expect(new Set(result.brokenByEach.flat())).toEqual(new Set(['transfer', 'straight', 'apgd-ce']));
    expect(lasting(await run({ suite, protocol: 'individual', batchSize: 3 }, defended))).toEqual(lasting(result));
  });
});

describe('an attack is stopped', () => {
  test('between two evaluations, with the signal’s reason, and the model stays open', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    let evaluations = 0;
    const stopped = run({
      ...{ suite: 'standard', signal: controller.signal },
      onProgress: () => {
        evaluations++;
        if (evaluations === 3) controller.abort(reason);
      },
    });
    await expect(stopped).rejects.toBe(reason);
    expect(evaluations).toBe(3);
    expect(await model.logits(data.images)).toHaveLength(IMAGES * 10);
  });

  test('by a timer', async () => {
    await expect(run({ suite: 'standard', signal: AbortSignal.timeout(200) })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
  });

  test('before it begins, without a session made', async () => {
    const refuse = async () => {
      throw new Error('no session was wanted');
    };
    await using other = await openModel(CHECKPOINT, { runtime: { createSession: refuse, loadSession: refuse } });
    await expect(run({ suite: 'standard', signal: AbortSignal.abort('no') }, other)).rejects.toBe('no');
  });

  test('and lets go of every session once the model is released', async () => {
    const real = onnxRuntime({ threads: 1 });
    let open = 0;
    const createSession: typeof real.createSession = async (graph) => {
      const session = await real.createSession(graph);
      open++;
      const release = () => session.release().then(() => void open--);
      return { usage: session.usage, run: session.run.bind(session), release };
    };
    const base = await openModel(CHECKPOINT, { runtime: { ...real, createSession } });
    const ranking = { scores: scoresOfMasks('layer4') };
    const defended = defend(base, { layer: 'layer4', ranking, importantUnits: 12 });
    const controller = new AbortController();
    const suite = [{ attack: 'apgd-ce', name: 'transfer', on: { variant: 'none' } }] as const;
    const stopped = run({ suite, signal: controller.signal, onProgress: () => controller.abort() }, defended);
    await expect(stopped).rejects.toThrow();
    await Promise.all([defended.release(), base.release()]);
    expect(open).toBe(0);
  });
});

describe('attack refuses', () => {
  const own = (name: string): Attack => ({
    name,
    cost: () => ({ forwards: 0, gradients: 0 }),
    run: async () => Promise.reject(),
  });
  test.each<[string, object, RegExp]>([
    ['neither attack nor suite', {}, /give one of "attack" and "suite"/],
    ['both', { attack: 'apgd-ce', suite: 'apgd' }, /give one of "attack" and "suite"/],
    ['an unknown attack', { attack: 'apgd' }, /attack: Invalid option: expected one of "apgd-ce"/],
    ['an unknown option of an attack', { attack: { attack: 'apgd-ce', steps: 3 } }, /attack: unknown key "steps"/],
    ['an unknown suite', { suite: 'std' }, /suite is "std": give one of standard, plus/],
    ['no attacks', { suite: [] }, /suite: is empty/],
    ['two attacks of one name', { suite: [own('a'), own('a')] }, /two attacks named "a"/],
    ['an attack without a name', { attack: own('') }, /an attack's name is ""/],
    [
      'an attack that lacks the norm',
      { attack: 'rays', threat: { norm: 'L2', epsilon: 1 } },
      /rays is for Linf, not for L2/,
    ],
    ['a suite that lacks it', { suite: 'iw-wc', threat: { norm: 'L2', epsilon: 1 } }, /rays is for Linf, not for L2/],
    ['another variant', { attack: { attack: 'pgd', on: { variant: 'loir' } } }, /which only a run has/],
    [
      'epsilon in 8-bit steps',
      { attack: 'pgd', threat: { norm: 'Linf', epsilon: 8 } },
      /threat: epsilon: is more than images/,
    ],
    ['an unknown norm', { attack: 'pgd', threat: { norm: 'L0', epsilon: 8 } }, /threat: norm: Invalid option/],
    ['a label that is no class', { attack: 'pgd', labels: Array(IMAGES).fill(10) }, /labels\[0\] is 10/],
    ['one index twice', { attack: 'pgd', indices: Array(IMAGES).fill(3) }, /indices name an image twice/],
    ['no images', { attack: 'pgd', images: new Float32Array(), labels: [] }, /images are none/],
    ['a NaN', { attack: 'pgd', images: new Float32Array(3072).fill(Number.NaN), labels: [0] }, /images hold NaN at 0/],
    [
      'images of another shape',
      { attack: 'pgd', imageShape: [1, 32, 96] },
      /images are \[1, 32, 96\], the model takes \[3, 32, 32\]/,
    ],
    ['an array of doubles', { attack: 'pgd', images: [0.5] }, /images are an Array: give a Float32Array/],
    ['a misspelt option', { attack: 'pgd', batchsize: 3 }, /attack has no option "batchsize"/],
    ['examples of another kind', { attack: 'pgd', examples: 'best' }, /examples is "best"/],
  ])('%s', (_, changes, message) => expectRefusal(() => run(changes), message));
});
