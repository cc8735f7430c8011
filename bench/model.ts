/**
 * What the ONNX graphs cost, as ratios measured in turn in one run on one thread, so that a drift of the machine's speed
 * cancels. Usage: npm run bench [-- CHECKPOINT TEST_BIN TRAIN_BIN LAYER UNITS]; the demo checkpoint by default.
 */
import { layerOf, openClassifier } from '../src/architectures/open.ts';
import { createAttack } from '../src/attacks/suites.ts';
import { openDataset } from '../src/datasets/open.ts';
import { baseModel, defendedModel } from '../src/defense/defended.ts';
import { topUnitMasks } from '../src/defense/masks.ts';
import { OnnxModel } from '../src/evaluation/onnx-model.ts';
import { streamOf } from '../src/random/stream.ts';
import { loirScores } from '../src/ranking/loir.ts';
import { bruteForceScores } from './brute-force.ts';

const BATCH = 50;
const ROUNDS = 9;
const PROBE_IMAGES = 500;

const [
  checkpoint = 'examples/demo/shapes10-rn18-w8.pt',
  testBin = 'examples/demo/test.bin',
  trainBin = 'examples/demo/train.bin',
  layerName = 'layer4',
  units = '12',
] = process.argv.slice(2);

const session = { threads: 1 };
const classifier = await openClassifier({ path: checkpoint });
const layer = layerOf(classifier, layerName);
const test = await openDataset({ format: 'cifar10', path: testBin, split: 'test', limit: BATCH });
const probe = await openDataset({ format: 'cifar10', path: trainBin, split: 'train', limit: PROBE_IMAGES });
const loir = { signed: false, batchSize: BATCH, session };
const masks = topUnitMasks(await loirScores(classifier, layer, probe, loir), Number(units));

const base = new OnnxModel(baseModel(classifier), classifier.imageShape, classifier.classes, session);
const variant = { id: 'loir', mask: 'top-k', ranking: 'loir' } as const;
const defense = { layer, masks, temperature: 0.01, smoothing: null };
const defended = new OnnxModel(
  defendedModel(classifier, variant, defense),
  classifier.imageShape,
  classifier.classes,
  session,
);
const x = test.pixels(0, BATCH);
const streams = Array.from({ length: BATCH }, (_, i) => streamOf(['bench', i]));
const batch = { x, labels: test.labels };

console.log(
  `${classifier.architecture}; ${layerName}, ${layer.units} units, ${units} kept; batch ${BATCH}, 1 thread, median of ${ROUNDS} rounds`,
);
const graphs = await inTurn({
  forward: () => base.logits(x, streams),
  gradient: () => base.gradient('ce', batch, streams),
  defendedForward: () => defended.logits(x, streams),
  defendedGradient: () => defended.gradient('ce', batch, streams),
});
console.log(`forward                                   ${((1000 * graphs.forward) / BATCH).toFixed(2)} ms/image`);
report('gradient + forward / forward', graphs.gradient / graphs.forward, 2.15);
report('defended forward / base forward', graphs.defendedForward / graphs.forward, 1.03);
report('defended gradient / base gradient', graphs.defendedGradient / graphs.gradient, 1.03);

const ranking = await inTurn({
  plain: plainPass,
  loir: () => loirScores(classifier, layer, probe, loir),
});
report(`LO-IR of ${layerName} / one plain pass over ${PROBE_IMAGES} probe images`, ranking.loir / ranking.plain, 1.2);
const start = performance.now();
await bruteForceScores(classifier, layer, probe, BATCH, session);
report('brute-force LO-IR / ours', (performance.now() - start) / 1000 / ranking.loir);

for (const attack of ['apgd-ce', 'apgd-t'] as const)
  report(`share of ${attack} outside onnxruntime`, await shareOutside(attack), 0.05);
await Promise.all([base.release(), defended.release()]);

async function plainPass(): Promise<void> {
  for (let first = 0; first < probe.count; first += BATCH)
    await base.logits(probe.pixels(first, Math.min(BATCH, probe.count - first)), streams);
}

async function shareOutside(attack: 'apgd-ce' | 'apgd-t'): Promise<number> {
  const before = base.usage.runtimeSeconds;
  const begin = performance.now();
  await createAttack({ attack, iterations: 20 }).run(
    { x, labels: test.labels, images: Array.from({ length: BATCH }, (_, i) => i) },
    {
      model: base,
      threat: { norm: 'Linf', epsilon: 8 / 255 },
      examples: 'last',
      stream: (image, ...key) => streamOf(['bench', image, ...key]),
    },
  );
  const seconds = (performance.now() - begin) / 1000;
  return 1 - (base.usage.runtimeSeconds - before) / seconds;
}

/** Median seconds of each, the candidates run A B C, A B C, ... after one round of warm-up. */
async function inTurn<K extends string>(candidates: Record<K, () => Promise<unknown>>): Promise<Record<K, number>> {
  const seconds = Object.fromEntries(Object.keys(candidates).map((name) => [name, [] as number[]])) as Record<
    K,
    number[]
  >;
  for (let round = 0; round <= ROUNDS; round++) {
    for (const name in candidates) {
      const begin = performance.now();
      await candidates[name]();
      if (round > 0) seconds[name].push((performance.now() - begin) / 1000);
    }
  }
  const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
  return Object.fromEntries(
    Object.entries<number[]>(seconds).map(([name, values]) => [name, median(values)]),
  ) as Record<K, number>;
}

function report(what: string, value: number, goal?: number): void {
  console.log(
    `${what.padEnd(58)} ${value.toFixed(3)}${goal === undefined ? '' : `  (goal <= ${goal}${value <= goal ? '' : ', MISSED'})`}`,
  );
}
