import { createAttack } from '../src/attacks/suites.ts';
import type { Dataset } from '../src/datasets/dataset.ts';
import { openDataset } from '../src/datasets/open.ts';
import { baseModel, defendedModel } from '../src/defense/defended-model.ts';
import { topUnitMasks } from '../src/defense/mask-set.ts';
import { OnnxModel } from '../src/evaluation/onnx-model.ts';
import { logitsOf } from '../src/evaluation/predict.ts';
import { type Classifier, layerOf } from '../src/models/classifier.ts';
import { keyedStream } from '../src/numeric/random.ts';
import { loirScores } from '../src/ranking/loir.ts';
import { randomScores } from '../src/ranking/methods.ts';
import { openClassifier } from '../src/runs/inputs/open-classifier.ts';
import { onnxRuntime } from '../src/runtime/session.ts';
import { bruteForceScores } from './brute-force.ts';
import { randomResNet18 } from './random-resnet18.ts';

/**
 * What the graphs, the ranking and the attacks' own arithmetic cost, as ratios measured in turn in one run on one thread,
 * so that a drift of the machine's speed cancels.
 * Usage: npm run bench [-- CHECKPOINT TEST_BIN TRAIN_BIN LAYER UNITS]; the demo's checkpoint by default.
 */

const BATCH = 50;
const ROUNDS = 15;
const PROBE_IMAGES = 500;
const runtime = onnxRuntime({ threads: 1 });

const [
  checkpoint = 'examples/demo/shapes10-rn18-w8.pt',
  testBin = 'examples/demo/test.bin',
  trainBin = 'examples/demo/train.bin',
  layerName = 'layer4',
  units = '12',
] = process.argv.slice(2);

const test = await openDataset({ format: 'cifar10', path: testBin, split: 'test', limit: BATCH });
const probe = await openDataset({ format: 'cifar10', path: trainBin, split: 'train', limit: PROBE_IMAGES });
const streams = Array.from({ length: BATCH }, (_, i) => keyedStream(['bench', i]));

console.log(`batch ${BATCH}, one thread, medians of ${ROUNDS} rounds in turn`);
await benchGraphs(randomResNet18(64), 'layer4', 50);
const classifier = await openClassifier({ path: checkpoint });
await benchGraphs(classifier, layerName, Number(units));
await benchRanking(classifier);
await benchAttacks(classifier);

async function benchGraphs(sample: Classifier, name: string, keep: number): Promise<void> {
  const layer = layerOf(sample, name);
  const masks = topUnitMasks(randomScores(layer.units, sample.classes, name, 0), keep);
  const variant = { id: 'loir', mask: { kind: 'top-k' } } as const;
  const defense = { layer, masks, temperature: 0.01, smoothing: null };
  const base = modelOf(sample);
  const defended = new OnnxModel(defendedModel(sample, variant, defense), sample.imageShape, sample.classes, runtime);
  const batch = { x: await test.pixels(0, BATCH), labels: test.labels };
  const seconds = await inTurn({
    forward: () => base.logits(batch.x, streams),
    gradient: () => base.gradient('ce', batch, streams),
    defendedForward: () => defended.logits(batch.x, streams),
    defendedGradient: () => defended.gradient('ce', batch, streams),
  });
  await Promise.all([base.release(), defended.release()]);
  console.log(`\n${sample.architecture}: forward ${((1000 * seconds.forward) / BATCH).toFixed(2)} ms an image`);
  print('forward + gradient / forward', seconds.gradient / seconds.forward, 2.15);
  print(`defended (${name}) / base forward`, seconds.defendedForward / seconds.forward, 1.03);
  print(`defended (${name}) / base gradient`, seconds.defendedGradient / seconds.gradient, 1.03);
}

async function benchRanking(sample: Classifier): Promise<void> {
  const layer = layerOf(sample, layerName);
  const base = modelOf(sample);
  const seconds = await inTurn({
    plain: () => plainPass(base, probe),
    loir: () => loirScores(sample, layer, probe, { signed: false, batchSize: BATCH, runtime }),
  });
  const begin = performance.now();
  await bruteForceScores(sample, layer, probe, BATCH, runtime);
  const bruteForce = (performance.now() - begin) / 1000;
  await base.release();
  print(`LO-IR of ${layerName} / one plain pass over ${PROBE_IMAGES} images`, seconds.loir / seconds.plain, 1.2);
  print(`LO-IR of ${layerName} by brute force / ours`, bruteForce / seconds.loir);
}

async function plainPass(model: OnnxModel, images: Dataset): Promise<void> {
  for (let first = 0; first < images.count; first += BATCH)
    await model.logits(await images.pixels(first, BATCH), streams);
}

/** The first run of each attack opens its session and warms the arithmetic up. */
async function benchAttacks(sample: Classifier): Promise<void> {
  const model = modelOf(sample);
  for (const attack of ['apgd-ce', 'apgd-t'] as const) {
    await shareOutside(model, attack);
    print(`share of ${attack} outside onnxruntime`, await shareOutside(model, attack), 0.05);
  }
  await model.release();
}

async function shareOutside(model: OnnxModel, attack: 'apgd-ce' | 'apgd-t'): Promise<number> {
  const x = await test.pixels(0, BATCH);
  const images = Array.from({ length: BATCH }, (_, i) => i);
  const logits = await logitsOf(model, { x, images }, { seed: 0, batchSize: BATCH }, ['clean']);
  const before = model.usage.runtimeSeconds;
  const begin = performance.now();
  await createAttack({ attack, iterations: 30, ...(attack === 'apgd-t' && { targets: 3 }) }).run(
    { x, labels: test.labels, images, logits },
    {
      model,
      threat: { norm: 'Linf', epsilon: 8 / 255 },
      examples: 'last',
      stream: (image, ...key) => keyedStream(['bench', image, ...key]),
    },
  );
  return 1 - (model.usage.runtimeSeconds - before) / ((performance.now() - begin) / 1000);
}

function modelOf(sample: Classifier): OnnxModel {
  return new OnnxModel(baseModel(sample), sample.imageShape, sample.classes, runtime);
}

/** Median seconds of each candidate, run A B C, A B C, ... after one round of warm-up. */
async function inTurn<K extends string>(candidates: Record<K, () => Promise<unknown>>): Promise<Record<K, number>> {
  const names = Object.keys(candidates) as K[];
  const seconds = new Map(names.map((name) => [name, [] as number[]]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const name of names) {
      const begin = performance.now();
      await candidates[name]();
      if (round > 0) seconds.get(name)?.push((performance.now() - begin) / 1000);
    }
  }
  const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
  return Object.fromEntries([...seconds].map(([name, values]) => [name, median(values)])) as Record<K, number>;
}

function print(what: string, value: number, goal?: number): void {
  const verdict = goal === undefined ? '' : `  goal <= ${goal}${value <= goal ? '' : ': missed'}`;
  console.log(`  ${what.padEnd(54)} ${value.toFixed(3)}${verdict}`);
}
