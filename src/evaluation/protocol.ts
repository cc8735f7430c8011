import {
  type Attack,
  type AttackContext,
  type AttackPoints,
  evaluationsIn,
  type SavedAttack,
  type ThreatModel,
} from '../attacks/core/attack.ts';
import { isOtherClass, NO_PREDICTION } from '../attacks/core/predictions.ts';
import { requireFewUnpredicted } from '../attacks/core/unpredicted.ts';
import { clipToThreat, distance } from '../attacks/norms/threat-model.ts';
import { keyedStream } from '../numeric/random.ts';
import { gatherRows, rowOf } from '../numeric/rows.ts';
import type { AttackUsage, ImageOutcome, ModelChecks } from '../schemas/results.ts';
import {
  attackPointsOf,
  type CheckpointStore,
  type EvaluationImages,
  type ImageState,
  imageStates,
  isRobustAgainst,
  type NearestExample,
  noteExample,
  noteUnpredicted,
  outcomeOf,
  type SavedEvaluation,
  unpredictedImages,
} from './image-state.ts';
import { checkModel } from './model-checks.ts';
import { type MeteredModel, type UsageMeter, usageMeter } from './onnx-model.ts';
import { logitsOf, predictCandidates } from './predict.ts';

/** An attack and its place in a suite. */
export interface SuiteEntry {
  readonly attack: Attack;
  /** Attacks of one group see what those before them in the group left robust; every group begins with all images. */
  readonly group: string;
  /** `all`: it sees all images that the model gets right, to tell what it finds alone. */
  readonly sees?: 'all';
  /** The model the attack sees, where that is not the one it is evaluated on. */
  readonly craftedOn?: () => Promise<MeteredModel>;
}

export interface ProtocolOptions {
  readonly suite: readonly SuiteEntry[];
  readonly threat: ThreatModel;
  readonly seed: number;
  readonly batchSize: number;
  readonly examples: AttackContext['examples'];
  readonly progress?: (state: ProtocolProgress) => void;
  readonly checkpoints?: CheckpointStore;
}

/** How far an evaluation is. */
export interface ProtocolProgress {
  /** Name of the attack in hand. */
  readonly attack: string;
  /** Images no attack of the current one's group has broken so far, of all in the shard. */
  readonly robust: number;
  /** Images under evaluation, whatever the model makes of them. */
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
  readonly checks: ModelChecks;
  /** Of each image, the nearest example that was verified; null where none is known. */
  readonly nearest: readonly (NearestExample | null)[];
}

/** What every attack of one evaluation works on. */
interface EvaluationState {
  readonly model: MeteredModel;
  readonly images: EvaluationImages;
  /** [n, classes] of the clean images. */
  readonly logits: Float32Array;
  readonly imageStates: readonly ImageState[];
  /** [n, imageSize], written to as images break. */
  readonly adversarial: Float32Array;
  readonly checks: ModelChecks;
  /** Of the attacks that are done. */
  readonly usage: AttackUsage[];
  readonly options: ProtocolOptions;
}

/**
 * AutoAttack's protocol (arXiv:2003.01690, section 5): attacks run in order, each on the images still robust, and an image is
 * robust when none broke it. An attack's own word counts for nothing: every candidate is clipped to the threat model and
 * evaluated again by the model, with noise from a stream of its own, so that `verify` can repeat it.
 * With checkpoints of an interrupted evaluation of the same images, it goes on from there.
 * Throws RunError where the model gives no prediction (NaN or infinite logits) on more than a few of the images.
 */
export async function evaluateImages(
  model: MeteredModel,
  images: EvaluationImages,
  options: ProtocolOptions,
): Promise<Evaluation> {
  requireRows(model, images);
  const saved = await options.checkpoints?.load();
  const logits = await logitsOf(model, images, options, ['clean']);
  const evaluation = await openEvaluation(model, images, logits, options, saved);
  let current = saved?.current ?? null;
  for (const [index, entry] of options.suite.entries()) {
    if (index < evaluation.usage.length) continue;
    evaluation.usage.push(await attackAll(evaluation, entry, index, current));
    requireFewUnpredicted(unpredictedImages(evaluation.imageStates));
    current = null;
  }
  const isIndividual =
    new Set(options.suite.map(({ group }) => group)).size > 1 || options.suite.some(({ sees }) => sees === 'all');
  const { imageStates, adversarial, usage, checks } = evaluation;
  const outcomes = imageStates.map((state) => outcomeOf(state, isIndividual));
  return { outcomes, adversarial, usage, checks, nearest: imageStates.map(({ nearest = null }) => nearest) };
}

/** Throws Error where images, labels and indices are not as many: a missing one would be some number or other. */
function requireRows({ imageSize, classes }: MeteredModel, { x, labels, images }: EvaluationImages): void {
  const count = images.length;
  if (labels.length !== count || x.length !== count * imageSize)
    throw new Error(`${count} images come with ${labels.length} labels and ${x.length / imageSize} rows of numbers`);
  const odd = labels.find((label) => !(label >= 0 && label < classes));
  if (odd !== undefined) throw new Error(`label ${odd} is none of ${classes} classes`);
}

async function openEvaluation(
  model: MeteredModel,
  images: EvaluationImages,
  logits: Float32Array,
  options: ProtocolOptions,
  saved: SavedEvaluation | undefined,
): Promise<EvaluationState> {
  const common = { model, images, logits, options, adversarial: images.x.slice() };
  if (saved !== undefined) {
    const { imageStates: states, examples, checks, usage } = saved;
    const broken = states.filter(isBroken).map(({ row }) => row);
    for (const [i, row] of broken.entries())
      common.adversarial.set(rowOf(examples, i, model.imageSize), row * model.imageSize);
    return { ...common, imageStates: states, checks, usage: [...usage] };
  }
  const states = imageStates(images, logits, model.classes);
  requireFewUnpredicted(unpredictedImages(states));
  const correct = states.filter((state) => isRobustAgainst(state, []));
  const checks = await checkModel(model, attackPointsOf(images, correct, logits, model), options);
  return { ...common, imageStates: states, checks, usage: [] };
}

/** Runs one attack of the suite on the images still robust in its group. */
async function attackAll(
  evaluation: EvaluationState,
  entry: SuiteEntry,
  index: number,
  current: SavedEvaluation['current'],
): Promise<AttackUsage> {
  const { model, images, logits, imageStates, options } = evaluation;
  const { attack, craftedOn } = entry;
  const peers = peersOf(options.suite, entry);
  const robust = imageStates.filter((state) => isRobustAgainst(state, peers));
  const surrogate = await craftedOn?.();
  const own = attackPointsOf(images, robust, logits, model);
  const points =
    surrogate === undefined ? own : { ...own, logits: await logitsOf(surrogate, own, options, ['clean', attack.name]) };
  const meter = usageMeter(attack.name, surrogate === undefined ? [model] : [model, surrogate], current?.usage);
  const context = contextOf(evaluation, attack, index, meter, current?.saved);
  const note = (row: number) => noteUnpredicted(robust[row]!, attack.name);
  const verified = async (rows: readonly number[], x: Float32Array) => {
    const candidates = await verifyCandidates(evaluation, attack.name, points, rows, x);
    for (const { prediction, row } of candidates) if (prediction === NO_PREDICTION) note(row);
    return candidates;
  };
  const isAdversarialOnTarget = async (rows: readonly number[], x: Float32Array) =>
    (await verified(rows, x)).map(({ prediction, row }) => isOtherClass(prediction, points.labels[row]!));
  const candidates = await attack.run(
    // A copy: an attack that moves its clean images would move the ball that its examples are held to.
    { ...points, x: points.x.slice(), labels: points.labels.slice() },
    surrogate === undefined ? context : { ...context, model: surrogate, isAdversarialOnTarget },
  );
  for (const row of points.images.keys()) if (candidates.unpredicted?.[row] === 1) note(row);
  const claimed = [...points.images.keys()].filter((row) => candidates.broken[row] === 1);
  record(evaluation, attack.name, robust, await verified(claimed, gatherRows(candidates.x, claimed, model.imageSize)));
  return meter.read();
}

/** The attacks whose broken images another one does not see. */
function peersOf(suite: readonly SuiteEntry[], { group, sees }: SuiteEntry): string[] {
  if (sees === 'all') return [];
  return suite.filter((entry) => entry.group === group).map((entry) => entry.attack.name);
}

function contextOf(
  evaluation: EvaluationState,
  attack: Attack,
  index: number,
  meter: UsageMeter,
  saved: SavedAttack | undefined,
): AttackContext {
  const { model, imageStates, options } = evaluation;
  const { seed, threat, examples, batchSize, checkpoints } = options;
  const peers = peersOf(options.suite, options.suite[index]!);
  const robust = imageStates.filter((state) => isRobustAgainst(state, peers)).length;
  const shares = sharesOf(evaluation);
  const before = shares.slice(0, index).reduce((sum, share) => sum + share, 0);
  return {
    model,
    threat,
    examples,
    batchSize,
    ...(saved === undefined ? {} : { saved }),
    stream: (image, ...key) => keyedStream([seed, image, attack.name, ...key]),
    progress: ({ broken, fraction }) =>
      options.progress?.({
        attack: attack.name,
        robust: robust - broken,
        total: imageStates.length,
        fraction: before + shares[index]! * fraction,
        evaluations: evaluationsIn([...evaluation.usage, meter.read()]),
      }),
    checkpoint: (save) =>
      checkpoints?.maybeSave(() => saveEvaluation(evaluation, { usage: meter.read(), saved: save() })),
  };
}

/** A candidate, and what the model under evaluation predicts. */
interface VerifiedCandidate {
  /** Among the points of the attack. */
  readonly row: number;
  /** [imageSize], within the threat model. */
  readonly x: Float32Array;
  readonly prediction: number;
}

/** Clips candidates [rows, imageSize] to the threat model and evaluates them on the model. */
async function verifyCandidates(
  { model, options }: EvaluationState,
  attack: string,
  points: AttackPoints,
  rows: readonly number[],
  candidates: Float32Array,
): Promise<VerifiedCandidate[]> {
  const size = model.imageSize;
  const x = candidates.slice();
  for (const [i, row] of rows.entries()) clipToThreat(rowOf(x, i, size), rowOf(points.x, row, size), options.threat);
  const images = rows.map((row) => points.images[row]!);
  const predictions = await predictCandidates(model, { x, images, attacks: images.map(() => attack) }, options);
  return rows.map((row, i) => ({ row, x: rowOf(x, i, size), prediction: predictions[i]! }));
}

/** Keeps what really is broken: of an image that several attacks break, the first one's example. */
function record(
  { adversarial, model, images, options }: EvaluationState,
  attack: string,
  robust: readonly ImageState[],
  verified: readonly VerifiedCandidate[],
) {
  for (const { row, x, prediction } of verified) {
    const state = robust[row]!;
    if (!isOtherClass(prediction, state.label)) continue;
    if (!isBroken(state)) {
      state.adversarialPrediction = prediction;
      adversarial.set(x, state.row * model.imageSize);
    }
    state.brokenBy.push(attack);
    const clean = rowOf(images.x, state.row, model.imageSize);
    noteExample(state, { attack, distance: distance(x, clean, options.threat.norm) });
  }
}

function saveEvaluation(evaluation: EvaluationState, current: SavedEvaluation['current']): SavedEvaluation {
  const { imageStates, adversarial, checks, usage, model } = evaluation;
  const broken = imageStates.filter(isBroken).map(({ row }) => row);
  return { imageStates, examples: gatherRows(adversarial, broken, model.imageSize), checks, usage, current };
}

/** Forwards that a gradient costs, forward included: measured on CIFAR ResNet-18, see docs/performance.md. */
const GRADIENT_IN_FORWARDS = 2.2;

/** Each attack's share of the suite's work, were the images that are robust by now to hold out. */
function sharesOf({ model, options: { suite }, imageStates }: EvaluationState): number[] {
  const costs = suite.map((entry, index) => {
    const { attack } = entry;
    const peers = peersOf(suite.slice(0, index), entry);
    const images = imageStates.filter((state) => isRobustAgainst(state, peers)).length;
    const { forwards, gradients } = attack.cost(model.classes);
    return images * (forwards + GRADIENT_IN_FORWARDS * gradients);
  });
  const whole = costs.reduce((sum, cost) => sum + cost, 0);
  return costs.map((cost) => (whole === 0 ? 0 : cost / whole));
}

function isBroken({ brokenBy }: ImageState): boolean {
  return brokenBy.length > 0;
}
