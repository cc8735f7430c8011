import { apgd } from '../src/attacks/apgd/apgd.ts';
import type { Attack, AttackContext, AttackedModel, LossGradient } from '../src/attacks/core/attack.ts';
import { fab } from '../src/attacks/fab/fab.ts';
import { keyedStream } from '../src/numeric/random.ts';

/**
 * What an iteration of APGD and FAB costs besides the model: 500 images of 3x32x32 under a model that costs nothing.
 * node --import tsx bench/attack-arithmetic.ts [iterations]
 */

const IMAGES = 500;
const IMAGE_SIZE = 3 * 32 * 32;
const CLASSES = 10;
const RUNS = 3;
const EPSILON = { Linf: 8 / 255, L2: 0.5, L1: 12 };

interface Measured {
  readonly attack: Attack;
  readonly norms: readonly ('Linf' | 'L2' | 'L1')[];
  /** Evaluations of an iteration. */
  readonly evaluations: number;
}

const iterations = Number(process.argv[2] ?? 100);
const measured: readonly Measured[] = [
  {
    attack: apgd({ name: 'apgd-ce', loss: 'ce', iterations, restarts: 1, eot: 1, start: 'random' }),
    norms: ['Linf', 'L2', 'L1'],
    evaluations: 1,
  },
  {
    // Every step crosses the boundary, the dearest case: a forward, a distance and a way back each.
    attack: fab({ name: 'fab-t', targeted: true, iterations, restarts: 1, targets: 1 }),
    norms: ['Linf', 'L2', 'L1'],
    evaluations: 2,
  },
];

for (const each of measured)
  for (const norm of each.norms)
    await measure(each, {
      model: freeModel(),
      threat: { norm, epsilon: EPSILON[norm] },
      examples: 'last',
      stream: (image, ...key) => keyedStream([0, image, ...key]),
    });

/** Times whole runs, without the random starts: from the first evaluation to the last. */
async function measure({ attack, evaluations }: Measured, context: AttackContext): Promise<void> {
  const stream = keyedStream(['images']);
  const points = {
    x: Float32Array.from({ length: IMAGES * IMAGE_SIZE }, () => stream.uniform()),
    labels: new Int32Array(IMAGES),
    images: Array.from({ length: IMAGES }, (_, image) => image),
    logits: new Float32Array(IMAGES * CLASSES),
  };
  for (let run = 0; run < RUNS; run++) {
    const marks: Lap[] = [];
    await attack.run(points, { ...context, progress: () => marks.push(now()) });
    const laps = marks.filter((_, index) => index % evaluations === 0);
    const last = laps.length - 1;
    const times = laps.slice(1).map(({ wall }, index) => wall - laps[index]!.wall);
    times.sort((a, b) => a - b);
    const figures = {
      median: times[times.length >> 1]!,
      best: times[0]!,
      // What the median would be on a core of our own.
      'CPU mean': (laps[last]!.cpu - laps[0]!.cpu) / last,
    };
    const text = Object.entries(figures).map(([name, value]) => `${name} ${value.toFixed(1)} ms`);
    const what = `${attack.name} ${context.threat.norm}`.padEnd(12);
    console.info(`${what} ${IMAGES}x3x32x32, an iteration: ${text.join(', ')}`);
  }
}

/** Milliseconds, by the clock and of processor time. */
interface Lap {
  readonly wall: number;
  readonly cpu: number;
}

function now(): Lap {
  const { user, system } = process.cpuUsage();
  return { wall: performance.now(), cpu: (user + system) / 1000 };
}

/**
 * Its loss rising in most steps, its gradients noise: four of them in turn, all made beforehand. Right on every image where it is
 * asked for gradients, wrong where for logits alone.
 */
function freeModel(): AttackedModel {
  const stream = keyedStream(['gradients']);
  const logits = Float32Array.from({ length: IMAGES * CLASSES }, (_, k) => (k % CLASSES === 0 ? 1 : 0));
  const mistakes = logits.map((value) => 1 - value);
  const answers = Array.from(
    { length: 4 },
    (): LossGradient => ({
      logits,
      loss: new Float32Array(IMAGES),
      gradient: Float32Array.from({ length: IMAGES * IMAGE_SIZE }, () => stream.uniform() - 0.5),
    }),
  );
  let calls = 0;
  return {
    classes: CLASSES,
    imageSize: IMAGE_SIZE,
    imageShape: [3, 32, 32],
    randomised: false,
    logits: async () => mistakes,
    gradient: async (name) => {
      const answer = answers[calls++ % answers.length]!;
      // A difference of logits turns 0 within epsilon; see the gradients' sum of magnitudes, 768.
      answer.loss.fill(name === 'difference' ? -8 : calls % 5 === 0 ? 0 : calls);
      return answer;
    },
  };
}
