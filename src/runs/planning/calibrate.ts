import type { Attack, AttackContext, AttackPoints } from '../../attacks/core/attack.ts';
import { NO_PREDICTION } from '../../attacks/core/predictions.ts';
import { createAttack, type SuiteAttack } from '../../attacks/suites.ts';
import { openDataset } from '../../datasets/open.ts';
import { baseModel, defendedModel, type EvaluatedModel } from '../../defense/defended-model.ts';
import { fullMasks } from '../../defense/mask-set.ts';
import { OnnxModel } from '../../evaluation/onnx-model.ts';
import { predictedClasses } from '../../evaluation/predict.ts';
import { proveModel } from '../../evaluation/proof/prove-model.ts';
import { type Classifier, IMAGE_INPUT, layerOf } from '../../models/classifier.ts';
import { keyedStream } from '../../numeric/random.ts';
import { float32 } from '../../numeric/tensor.ts';
import type { Runtime } from '../../onnx/runtime.ts';
import { sideInputs, subgraph } from '../../onnx/splice.ts';
import type { Variant } from '../../schemas/variants.ts';
import { testSpec } from '../inputs/inspect-inputs.ts';
import { classifierSpec, modelName, openClassifier } from '../inputs/open-classifier.ts';
import type { ModelRates, Rates } from './duration.ts';
import type { Plan } from './plan.ts';
import type { ModelKind } from './workload.ts';

export interface CalibrationOptions {
  /** With paths that can be opened. */
  readonly plan: Plan;
  readonly runtime: Runtime;
  /** To spend, more or less: a model that takes longer for a handful of images is timed on fewer. */
  readonly seconds: number;
  /** Share of a shard that an attack after the first works on. */
  readonly holdOut: number;
  /** The layer whose tail a ranking is to rerun; null where none does. */
  readonly tail: string | null;
}

/**
 * Times this run's own models under this run's own attacks, on its first images: what an evaluation costs, with the loss,
 * the batch size and the arithmetic of the attack that asks for it. Masks keep every unit: the values of a mask cost nothing,
 * and a ranking need not be there yet.
 */
export async function calibrate(options: CalibrationOptions): Promise<Rates> {
  const { config, inputs } = options.plan;
  const classifier = await openClassifier(classifierSpec(config, inputs.imageShape));
  const test = await openDataset(testSpec(config));
  const count = Math.min(config.compute.batchSize, options.plan.shards[0]!.count);
  const sample: CalibrationImages = { x: await test.pixels(0, count), labels: test.labels.slice(0, count) };
  const start = performance.now() / 1000;
  const models: Partial<Record<ModelKind, ModelRates>> = {};
  let correct = 0;
  const chosen = representatives(config.variants);
  for (const [kind, variant] of chosen) {
    const model = new OnnxModel(
      evaluatedOf(classifier, variant, options),
      inputs.imageShape,
      inputs.checkpoint.classes,
      options.runtime,
    );
    try {
      const timed = await timeModel(model, sample, options, options.seconds / chosen.length);
      // After it was timed: a proof makes sessions, and how long that takes is timed too.
      const name = modelName(config, variant.id);
      const proof = await proveModel(model, { name, data: test, gradients: true, evaluations: test.count });
      models[kind] = withProof(timed.rates, proof.seconds);
      correct += timed.correct / chosen.length;
    } finally {
      await model.release();
    }
  }
  return {
    start,
    correct,
    models,
    tail: options.tail === null ? 0 : await timeTail(classifier, sample, options.tail, options),
  };
}

/** Whoever opens a model proves it. */
function withProof({ open, ...rates }: ModelRates, seconds: number): ModelRates {
  return { ...rates, open: { forward: open.forward + seconds, attacks: open.attacks + seconds } };
}

interface CalibrationImages {
  /** [n, imageSize] */
  readonly x: Float32Array;
  readonly labels: Int32Array;
}

/** One variant for each kind of model there is. */
function representatives(variants: readonly Variant[]): (readonly [ModelKind, Variant])[] {
  const base = variants.find(({ mask }) => mask === null);
  const masked = variants.filter(({ mask }) => mask !== null);
  // The confidence ramp costs most.
  const defended = masked.find(({ mask }) => mask?.kind === 'confidence') ?? masked[0];
  return [
    ...(base === undefined ? [] : [['base', base] as const]),
    ...(defended === undefined ? [] : [['defended', defended] as const]),
  ];
}

function evaluatedOf(classifier: Classifier, variant: Variant, { plan }: CalibrationOptions): EvaluatedModel {
  const { mask } = variant;
  if (mask === null) return baseModel(classifier);
  const { temperature, smoothing } = plan.config;
  const layer = layerOf(classifier, mask.layer);
  const masks = fullMasks(classifier.classes, layer.units);
  return defendedModel(classifier, { id: variant.id, mask }, { layer, masks, temperature, smoothing });
}

/** Images that tell roughly what one costs. */
const FEW = 4;
/** Evaluations a batch should last for within its share of the time; a gradient costs about two forwards and a bit. */
const EVALUATIONS = 4;
const GRADIENT_IN_FORWARDS = 2.2;

async function timeModel(
  model: OnnxModel,
  sample: CalibrationImages,
  { plan, holdOut }: CalibrationOptions,
  seconds: number,
) {
  const suite = timedAttacks(plan);
  const attacks = suite.map(createAttack);
  const share = seconds / (attacks.length + 1);
  const opened = await timeForwards(model, head(sample, FEW, model), 0);
  const few = await timeForwards(model, head(sample, FEW, model), 0);
  const affordable = Math.floor(share / (EVALUATIONS * GRADIENT_IN_FORWARDS * few.perImage));
  const batch = head(sample, Math.max(FEW, affordable), model);
  const { perImage: forward, logits } = await timeForwards(model, batch, share);
  const predictions = predictedClasses(logits, model.classes);
  // Attacks see what the model gets right: with its own answers for labels it gets everything right. It has to be some class.
  const labels = predictions.map((prediction) => (prediction === NO_PREDICTION ? 0 : prediction));
  const points = { ...batch, labels, images: [...predictions.keys()], logits };
  const rates: Record<string, number> = {};
  let opening = 0;
  for (const [index, attack] of attacks.entries()) {
    const isFirst = suite.findIndex(({ group }) => group === suite[index]!.group) === index;
    const seen = isFirst ? points : firstPoints(points, Math.ceil(holdOut * predictions.length), model);
    const { open, perEvaluation } = await timeAttack(attack, seen, contextOf(model, attack, plan), share);
    rates[attack.name] = perEvaluation;
    opening += open;
  }
  const open = { forward: Math.max(0, opened.seconds - few.seconds), attacks: 0 };
  const correct = predictions.filter((prediction, row) => prediction === batch.labels[row]).length / predictions.length;
  return { correct, rates: { open: { ...open, attacks: open.forward + opening }, forward, attacks: rates } };
}

/** Those of the run's suite, and what an audit brings besides. */
function timedAttacks({ suite, audit }: Plan): readonly SuiteAttack[] {
  const names = new Set(suite.map(({ name }) => name));
  return [...suite, ...(audit?.suite ?? []).filter(({ name }) => !names.has(name))];
}

function head({ x, labels }: CalibrationImages, count: number, { imageSize }: OnnxModel): CalibrationImages {
  return { x: x.subarray(0, count * imageSize), labels: labels.subarray(0, count) };
}

function firstPoints({ x, labels, images, logits }: AttackPoints, wanted: number, model: OnnxModel): AttackPoints {
  const count = Math.max(1, wanted);
  return {
    ...head({ x, labels }, count, model),
    images: images.slice(0, count),
    logits: logits.subarray(0, count * model.classes),
  };
}

/** The logits of all images again and again until the time is up, once at least. */
async function timeForwards(model: OnnxModel, { x, labels }: CalibrationImages, seconds: number) {
  const streams = Array.from(labels, (_, image) => keyedStream(['calibration', image]));
  const start = performance.now();
  for (let rounds = 1; ; rounds++) {
    const logits = await model.logits(x, streams);
    const spent = (performance.now() - start) / 1000;
    if (spent >= seconds) return { logits, seconds: spent, perImage: spent / (rounds * labels.length) };
  }
}

/** A context whose model counts what it is asked. */
type CalibrationContext = Omit<AttackContext, 'model'> & { readonly model: OnnxModel };

function contextOf(model: OnnxModel, attack: Attack, { config }: Plan): CalibrationContext {
  const { threat, examples, compute } = config;
  const stream = (image: number, ...key: (string | number)[]) =>
    keyedStream(['calibration', image, attack.name, ...key]);
  return { model, threat, examples, batchSize: compute.batchSize, stream };
}

/** Thrown into an attack to end it. */
class TimeLimitReached extends Error {}

/** The first evaluation makes the attack's session; the second run has it. */
async function timeAttack(attack: Attack, points: AttackPoints, context: CalibrationContext, seconds: number) {
  const first = await attackFor(attack, points, context, 0);
  const timed = await attackFor(attack, points, context, seconds);
  const perEvaluation = timed.seconds / timed.evaluations;
  return { perEvaluation, open: Math.max(0, first.seconds - first.evaluations * perEvaluation) };
}

async function attackFor(attack: Attack, points: AttackPoints, context: CalibrationContext, seconds: number) {
  const evaluations = () => context.model.usage.forwards + context.model.usage.gradients;
  const before = evaluations();
  const start = performance.now();
  const progress = () => {
    if (performance.now() - start >= 1000 * seconds) throw new TimeLimitReached();
  };
  await attack.run(points, { ...context, progress }).catch((error: unknown) => {
    if (!(error instanceof TimeLimitReached)) throw error;
  });
  return { seconds: (performance.now() - start) / 1000, evaluations: Math.max(1, evaluations() - before) };
}

/** Seconds an image of what lies behind the layer. */
async function timeTail(
  classifier: Classifier,
  sample: CalibrationImages,
  layer: string,
  { runtime }: CalibrationOptions,
): Promise<number> {
  const { tensor } = layerOf(classifier, layer);
  const boundary = [tensor, ...sideInputs(classifier.model.graph, tensor, classifier.logits)];
  const [trunk, tail] = await Promise.all([
    runtime.createSession(subgraph(classifier.model, [IMAGE_INPUT], boundary)),
    runtime.createSession(subgraph(classifier.model, boundary, [classifier.logits])),
  ]);
  try {
    const count = Math.min(FEW, sample.labels.length);
    const size = sample.x.length / sample.labels.length;
    const x = float32([count, ...classifier.imageShape], sample.x.subarray(0, count * size));
    const values = await trunk.run({ [IMAGE_INPUT]: x });
    await tail.run(values);
    const start = performance.now();
    for (let round = 0; round < EVALUATIONS; round++) await tail.run(values);
    return (performance.now() - start) / 1000 / (EVALUATIONS * count);
  } finally {
    await Promise.all([trunk.release(), tail.release()]);
  }
}
