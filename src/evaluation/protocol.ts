import type { Attack, AttackContext, AttackPoints, ThreatModel } from '../attacks/attack.ts';
import { predictedClass } from '../attacks/predictions.ts';
import { clipToThreat } from '../attacks/threat.ts';
import type { AttackUsage, ImageOutcome } from '../contracts/results.ts';
import { type RandomStream, streamOf } from '../random/stream.ts';
import type { OnnxModel } from './onnx-model.ts';

/** Images to evaluate: all of a shard, whatever the model makes of them. */
export interface EvaluationImages {
  /** [n, imageSize] in [0, 1] */
  readonly x: Float32Array;
  readonly labels: Int32Array;
  /** Indices in the data set. */
  readonly images: readonly number[];
}

export interface ProtocolOptions {
  readonly suite: readonly Attack[];
  readonly threat: ThreatModel;
  readonly seed: number;
  readonly batchSize: number;
  readonly examples: AttackContext['examples'];
  readonly progress?: (state: ProtocolProgress) => void;
}

/** What every attack of one evaluation works on. */
interface Bout {
  readonly model: OnnxModel;
  readonly images: EvaluationImages;
  readonly standings: readonly Standing[];
  /** [n, imageSize], written to as images break. */
  readonly adversarial: Float32Array;
  /** Images the model had evaluated before this evaluation began. */
  readonly evaluatedBefore: number;
  readonly options: ProtocolOptions;
}

export interface ProtocolProgress {
  readonly attack: string;
  /** Images no attack has broken so far, of all in the shard. */
  readonly robust: number;
  readonly total: number;
  /** Share of the whole suite that is done, 0 to 1. */
  readonly fraction: number;
  /** Images evaluated so far, with or without a gradient. */
  readonly evaluations: number;
}

export interface Evaluation {
  readonly outcomes: ImageOutcome[];
  /** [n, imageSize]: the adversarial example of a broken image, the clean image of any other. */
  readonly adversarial: Float32Array;
  readonly usage: AttackUsage[];
  /** Attacked images whose cross-entropy gradient is exactly zero where they stand. */
  readonly zeroGradientImages: number;
}

/** An image's state while attacks run over it. */
interface Standing {
  readonly row: number;
  outcome: ImageOutcome;
}

/**
 * AutoAttack's protocol (arXiv:2003.01690, section 5): attacks run in order, each on the images still robust, and an image is
 * robust when none broke it. An attack's own word counts for nothing: every candidate is clipped to the threat model and
 * judged by the model again, with noise from a stream of its own, so that `verify` can repeat the judgement.
 */
export async function evaluateImages(
  model: OnnxModel,
  images: EvaluationImages,
  options: ProtocolOptions,
): Promise<Evaluation> {
  const evaluatedBefore = evaluated(model);
  const clean = await predict(model, images, options, ['clean']);
  const standings = images.images.map((image, row): Standing => {
    const label = images.labels[row] ?? -1;
    return {
      row,
      outcome: { image, label, cleanPrediction: clean[row] ?? -1, brokenBy: null, adversarialPrediction: null },
    };
  });
  const adversarial = images.x.slice();
  const zeroGradientImages = await countZeroGradients(model, images, standings.filter(isRobust), options);
  const bout = { model, images, standings, adversarial, evaluatedBefore, options };
  const usage: AttackUsage[] = [];
  for (const [index, attack] of options.suite.entries()) usage.push(await measured(bout, attack, index));
  return { outcomes: standings.map(({ outcome }) => outcome), adversarial, usage, zeroGradientImages };
}

/** Class the model gives each adversarial example, with the noise the protocol judged it with. */
export async function judgePredictions(
  model: OnnxModel,
  examples: readonly { readonly outcome: ImageOutcome; readonly x: Float32Array }[],
  seed: number,
  batchSize: number,
): Promise<Int32Array> {
  const predictions = new Int32Array(examples.length);
  for (let first = 0; first < examples.length; first += batchSize) {
    const batch = examples.slice(first, first + batchSize);
    const x = new Float32Array(batch.length * model.imageSize);
    for (const [i, example] of batch.entries()) x.set(example.x, i * model.imageSize);
    const streams = batch.map(({ outcome }) => judgeStream(seed, outcome.image, outcome.brokenBy ?? ''));
    predictions.set(predictedClasses(await model.logits(x, streams), model.classes), first);
  }
  return predictions;
}

/** Noise of the judgement of an image that `attack` claims to have broken. */
function judgeStream(seed: number, image: number, attack: string): RandomStream {
  return streamOf([seed, image, 'judge', attack]);
}

/** Class the model gives each image; the noise of a randomised model is that of (seed, image, ...key). */
export async function predict(
  model: OnnxModel,
  { x, images }: Pick<EvaluationImages, 'x' | 'images'>,
  { seed, batchSize }: Pick<ProtocolOptions, 'seed' | 'batchSize'>,
  key: readonly string[],
): Promise<Int32Array> {
  const predictions = new Int32Array(images.length);
  for (let first = 0; first < images.length; first += batchSize) {
    const batch = images.slice(first, first + batchSize);
    const streams = batch.map((image) => streamOf([seed, image, ...key]));
    const rows = x.subarray(first * model.imageSize, (first + batch.length) * model.imageSize);
    predictions.set(predictedClasses(await model.logits(rows, streams), model.classes), first);
  }
  return predictions;
}

/** Runs one attack of the suite on the images still robust, a batch at a time. */
async function attackAll(bout: Bout, attack: Attack, index: number): Promise<void> {
  const { model, images, standings, options } = bout;
  const whole = costOf(options.suite);
  const before = costOf(options.suite.slice(0, index));
  const robust = standings.filter(isRobust);
  for (let first = 0; first < robust.length; first += options.batchSize) {
    const batch = robust.slice(first, first + options.batchSize);
    const points = gather(images, batch, model.imageSize);
    const candidates = await attack.run(points, {
      model,
      threat: options.threat,
      examples: options.examples,
      stream: (image, ...key) => streamOf([options.seed, image, attack.name, ...key]),
      progress: ({ broken, done, total }) => {
        const attackShare = (first + batch.length * (done / total)) / robust.length;
        options.progress?.({
          attack: attack.name,
          robust: standings.filter(isRobust).length - broken,
          total: standings.length,
          fraction: (before + attack.cost * attackShare) / whole,
          evaluations: evaluated(model) - bout.evaluatedBefore,
        });
      },
    });
    await judge(bout, attack.name, points, candidates.x, batch);
  }
}

/** Clips candidates to the threat model, asks the model, and records what really is broken. */
async function judge(
  { model, adversarial, options: { threat, seed } }: Bout,
  attack: string,
  points: AttackPoints,
  candidates: Float32Array,
  batch: readonly Standing[],
): Promise<void> {
  const x = candidates.slice();
  for (const row of points.images.keys()) {
    const [from, to] = [row * model.imageSize, (row + 1) * model.imageSize];
    clipToThreat(x.subarray(from, to), points.x.subarray(from, to), threat);
  }
  const streams = points.images.map((image) => judgeStream(seed, image, attack));
  const predictions = predictedClasses(await model.logits(x, streams), model.classes);
  for (const [i, standing] of batch.entries()) {
    const prediction = predictions[i] ?? -1;
    if (prediction === standing.outcome.label) continue;
    standing.outcome = { ...standing.outcome, brokenBy: attack, adversarialPrediction: prediction };
    adversarial.set(x.subarray(i * model.imageSize, (i + 1) * model.imageSize), standing.row * model.imageSize);
  }
}

async function countZeroGradients(
  model: OnnxModel,
  images: EvaluationImages,
  robust: readonly Standing[],
  { seed, batchSize }: ProtocolOptions,
): Promise<number> {
  let zero = 0;
  for (let first = 0; first < robust.length; first += batchSize) {
    const points = gather(images, robust.slice(first, first + batchSize), model.imageSize);
    const streams = points.images.map((image) => streamOf([seed, image, 'zero-gradient']));
    const { gradient } = await model.gradient('ce', points, streams);
    zero += points.images.filter((_, row) =>
      isZero(gradient, row * model.imageSize, (row + 1) * model.imageSize),
    ).length;
  }
  return zero;
}

async function measured(bout: Bout, attack: Attack, index: number): Promise<AttackUsage> {
  const before = bout.model.usage;
  const start = performance.now();
  await attackAll(bout, attack, index);
  const after = bout.model.usage;
  return {
    attack: attack.name,
    seconds: (performance.now() - start) / 1000,
    forwards: after.forwards - before.forwards,
    gradients: after.gradients - before.gradients,
    runtimeSeconds: after.runtimeSeconds - before.runtimeSeconds,
  };
}

function costOf(attacks: readonly Attack[]): number {
  return attacks.reduce((sum, { cost }) => sum + cost, 0);
}

/** Images a model has evaluated in its life, with or without a gradient. */
function evaluated({ usage }: OnnxModel): number {
  return usage.forwards + usage.gradients;
}

function isRobust({ outcome }: Standing): boolean {
  return outcome.cleanPrediction === outcome.label && outcome.brokenBy === null;
}

function gather({ x, labels, images }: EvaluationImages, batch: readonly Standing[], size: number): AttackPoints {
  const rows = new Float32Array(batch.length * size);
  for (const [i, { row }] of batch.entries()) rows.set(x.subarray(row * size, (row + 1) * size), i * size);
  return {
    x: rows,
    labels: Int32Array.from(batch, ({ row }) => labels[row] ?? -1),
    images: batch.map(({ row }) => images[row] ?? -1),
  };
}

function isZero(values: Float32Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (values[i] !== 0) return false;
  return true;
}

function predictedClasses(logits: Float32Array, classes: number): Int32Array {
  return Int32Array.from({ length: logits.length / classes }, (_, row) => predictedClass(logits, row, classes));
}
