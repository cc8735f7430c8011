/**
 * What an APGD iteration costs besides the model: 500 images of 3x32x32 under a model that costs nothing.
 * node --import tsx bench/attack-arithmetic.ts [iterations]
 */
import type { AttackContext, AttackedModel, LossGradient } from '../src/attacks/attack.ts';
import { createAttack } from '../src/attacks/suites.ts';
import { streamOf } from '../src/random/stream.ts';

const IMAGES = 500;
const IMAGE_SIZE = 3 * 32 * 32;
const CLASSES = 10;
const RUNS = 3;

for (const norm of ['Linf', 'L2'] as const) {
  const model = freeModel();
  const context: AttackContext = {
    model,
    threat: { norm, epsilon: norm === 'Linf' ? 8 / 255 : 0.5 },
    examples: 'last',
    stream: (image, ...key) => streamOf([0, image, ...key]),
  };
  await measure(norm, context, Number(process.argv[2] ?? 100));
}

/** Times whole runs, without the random starts: from the first evaluation to the last. */
async function measure(norm: string, context: AttackContext, iterations: number): Promise<void> {
  const stream = streamOf(['images']);
  const points = {
    x: Float32Array.from({ length: IMAGES * IMAGE_SIZE }, () => stream.uniform()),
    labels: new Int32Array(IMAGES),
    images: Array.from({ length: IMAGES }, (_, image) => image),
    logits: new Float32Array(IMAGES * CLASSES),
  };
  const attack = createAttack({ attack: 'apgd-ce', iterations });
  for (let run = 0; run < RUNS; run++) {
    const laps: Lap[] = [];
    await attack.run(points, { ...context, progress: () => laps.push(now()) });
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
    console.info(`${norm.padEnd(5)} ${IMAGES}x3x32x32, an iteration: ${text.join(', ')}`);
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

/** Right on every image, its loss rising in most steps, its gradients noise: four of them in turn, all made beforehand. */
function freeModel(): AttackedModel {
  const stream = streamOf(['gradients']);
  const logits = Float32Array.from({ length: IMAGES * CLASSES }, (_, k) => (k % CLASSES === 0 ? 1 : 0));
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
    logits: async () => logits,
    gradient: async () => {
      const answer = answers[calls++ % answers.length]!;
      answer.loss.fill(calls % 5 === 0 ? 0 : calls);
      return answer;
    },
  };
}
