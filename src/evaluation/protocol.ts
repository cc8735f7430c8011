import type { Attack, AttackContext, AttackPoints, SavedAttack, ThreatModel } from '../attacks/attack.ts';
import { clipToThreat } from '../attacks/threat.ts';
import type { AttackUsage, ImageOutcome, ModelChecks } from '../contracts/results.ts';
import { streamOf } from '../random/stream.ts';
import { checkModel } from './checks.ts';
import { judgePredictions, logitsOf } from './judge.ts';
import type { OnnxModel } from './onnx-model.ts';
import type { EvaluationMemory, SavedEvaluation } from './saved.ts';
import {
  type EvaluationImages,
  gather,
  outcomeOf,
  pointsOf,
  type Standing,
  standingsOf,
  standsAgainst,
} from './standing.ts';
import { type Meter, meterOf } from './usage.ts';

/** An attack and its place in a suite. */
export interface SuiteEntry {
  readonly attack: Attack;
  /** Attacks of one group see what those before them in the group left robust; every group begins with all images. */
  readonly group: string;
  /** The model the attack sees, where that is not the one it is judged on. */
  readonly craftedOn?: () => Promise<OnnxModel>;
}

export interface ProtocolOptions {
  readonly suite: readonly SuiteEntry[];
  readonly threat: ThreatModel;
  readonly seed: number;
  readonly batchSize: number;
  readonly examples: AttackContext['examples'];
  readonly progress?: (state: ProtocolProgress) => void;
  readonly memory?: EvaluationMemory;
}

export interface ProtocolProgress {
  readonly attack: string;
  /** Images no attack of the current one's group has broken so far, of all in the shard. */
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
  readonly checks: ModelChecks;
}

/** What every attack of one evaluation works on. */
interface Bout {
  readonly model: OnnxModel;
  readonly images: EvaluationImages;
  /** [n, classes] of the clean images. */
  readonly logits: Float32Array;
  readonly standings: readonly Standing[];
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
 * judged by the model again, with noise from a stream of its own, so that `verify` can repeat the judgement.
 * With a memory that recalls an interrupted evaluation of the same images, it goes on from there.
 */
export async function evaluateImages(
  model: OnnxModel,
  images: EvaluationImages,
  options: ProtocolOptions,
): Promise<Evaluation> {
  const saved = await options.memory?.recall();
  const logits = await logitsOf(model, images, options, ['clean']);
  const bout = await openBout(model, images, logits, options, saved);
  let current = saved?.current ?? null;
  for (const [index, entry] of options.suite.entries()) {
    if (index < bout.usage.length) continue;
    bout.usage.push(await attackAll(bout, entry, index, current));
    current = null;
  }
  const isIndividual = new Set(options.suite.map(({ group }) => group)).size > 1;
  const { standings, adversarial, usage, checks } = bout;
  return { outcomes: standings.map((standing) => outcomeOf(standing, isIndividual)), adversarial, usage, checks };
}

async function openBout(
  model: OnnxModel,
  images: EvaluationImages,
  logits: Float32Array,
  options: ProtocolOptions,
  saved: SavedEvaluation | undefined,
): Promise<Bout> {
  const common = { model, images, logits, options, adversarial: images.x.slice() };
  if (saved !== undefined) {
    const { standings, examples, checks, usage } = saved;
    const broken = standings.filter(isBroken).map(({ row }) => row);
    for (const [i, row] of broken.entries()) copyRow(examples, i, common.adversarial, row, model.imageSize);
    return { ...common, standings, checks, usage: [...usage] };
  }
  const standings = standingsOf(images, logits, model.classes);
  const correct = standings.filter((standing) => standsAgainst(standing, []));
  const checks = await checkModel(model, pointsOf(images, correct, logits, model), options);
  return { ...common, standings, checks, usage: [] };
}

/** Runs one attack of the suite on the images still robust in its group. */
async function attackAll(
  bout: Bout,
  { attack, group, craftedOn }: SuiteEntry,
  index: number,
  current: SavedEvaluation['current'],
): Promise<AttackUsage> {
  const { model, images, logits, standings, options } = bout;
  const peers = options.suite.filter((entry) => entry.group === group).map((entry) => entry.attack.name);
  const robust = standings.filter((standing) => standsAgainst(standing, peers));
  const crafting = await craftedOn?.();
  const own = pointsOf(images, robust, logits, model);
  const points =
    crafting === undefined ? own : { ...own, logits: await logitsOf(crafting, own, options, ['clean', attack.name]) };
  const meter = meterOf(attack.name, crafting === undefined ? [model] : [model, crafting], current?.usage);
  const context = contextOf(bout, attack, index, meter, current?.saved);
  const judged = (rows: readonly number[], x: Float32Array) => judge(bout, attack.name, points, rows, x);
  const verdict = async (rows: readonly number[], x: Float32Array) =>
    (await judged(rows, x)).map(({ prediction, row }) => prediction !== points.labels[row]);
  const candidates = await attack.run(
    points,
    crafting === undefined ? context : { ...context, model: crafting, verdict },
  );
  const claimed = [...points.images.keys()].filter((row) => candidates.broken[row] === 1);
  record(bout, attack.name, robust, await judged(claimed, gather(candidates.x, claimed, model.imageSize)));
  return meter.read();
}

function contextOf(
  bout: Bout,
  attack: Attack,
  index: number,
  meter: Meter,
  saved: SavedAttack | undefined,
): AttackContext {
  const { model, standings, options } = bout;
  const { seed, threat, examples, batchSize, memory } = options;
  const peers = options.suite.filter(({ group }) => group === options.suite[index]?.group);
  const names = peers.map((peer) => peer.attack.name);
  const robust = standings.filter((standing) => standsAgainst(standing, names)).length;
  const shares = sharesOf(bout);
  const before = shares.slice(0, index).reduce((sum, share) => sum + share, 0);
  return {
    model,
    threat,
    examples,
    batchSize,
    ...(saved === undefined ? {} : { saved }),
    stream: (image, ...key) => streamOf([seed, image, attack.name, ...key]),
    progress: ({ broken, fraction }) =>
      options.progress?.({
        attack: attack.name,
        robust: robust - broken,
        total: standings.length,
        fraction: before + (shares[index] ?? 0) * fraction,
        evaluations: evaluationsOf([...bout.usage, meter.read()]),
      }),
    checkpoint: (save) => memory?.offer(() => saveBout(bout, { usage: meter.read(), saved: save() })),
  };
}

/** A candidate as it was judged. */
interface Judged {
  /** Among the points of the attack. */
  readonly row: number;
  /** [imageSize], within the threat model. */
  readonly x: Float32Array;
  readonly prediction: number;
}

/** Clips candidates [rows, imageSize] to the threat model and asks the model. */
async function judge(
  { model, options }: Bout,
  attack: string,
  points: AttackPoints,
  rows: readonly number[],
  candidates: Float32Array,
): Promise<Judged[]> {
  const size = model.imageSize;
  const x = candidates.slice();
  const rowOf = (values: Float32Array, row: number) => values.subarray(row * size, (row + 1) * size);
  for (const [i, row] of rows.entries()) clipToThreat(rowOf(x, i), rowOf(points.x, row), options.threat);
  const images = rows.map((row) => points.images[row] ?? -1);
  const predictions = await judgePredictions(model, { x, images, attacks: images.map(() => attack) }, options);
  return rows.map((row, i) => ({ row, x: rowOf(x, i), prediction: predictions[i] ?? -1 }));
}

/** Keeps what really is broken: of an image that several attacks break, the first one's example. */
function record({ adversarial, model }: Bout, attack: string, robust: readonly Standing[], judged: readonly Judged[]) {
  for (const { row, x, prediction } of judged) {
    const standing = robust[row]!;
    if (prediction === standing.label) continue;
    if (!isBroken(standing)) {
      standing.adversarialPrediction = prediction;
      copyRow(x, 0, adversarial, standing.row, model.imageSize);
    }
    standing.brokenBy.push(attack);
  }
}

function saveBout(bout: Bout, current: SavedEvaluation['current']): SavedEvaluation {
  const { standings, adversarial, checks, usage, model } = bout;
  const broken = standings.filter(isBroken).map(({ row }) => row);
  return { standings, examples: gather(adversarial, broken, model.imageSize), checks, usage, current };
}

/** Forwards that a gradient costs, forward included: measured on CIFAR ResNet-18, see README. */
const GRADIENT_IN_FORWARDS = 2.2;

/** Each attack's share of the suite's work, were the images that are robust by now to hold out. */
function sharesOf({ model, options: { suite }, standings }: Bout): number[] {
  const costs = suite.map(({ attack, group }, index) => {
    const earlier = suite.slice(0, index).filter((entry) => entry.group === group);
    const peers = earlier.map((entry) => entry.attack.name);
    const images = standings.filter((standing) => standsAgainst(standing, peers)).length;
    const { forwards, gradients } = attack.cost(model.classes);
    return images * (forwards + GRADIENT_IN_FORWARDS * gradients);
  });
  const whole = costs.reduce((sum, cost) => sum + cost, 0);
  return costs.map((cost) => (whole === 0 ? 0 : cost / whole));
}

function evaluationsOf(usages: readonly AttackUsage[]): number {
  return usages.reduce((sum, { forwards, gradients }) => sum + forwards + gradients, 0);
}

function isBroken({ brokenBy }: Standing): boolean {
  return brokenBy.length > 0;
}

function copyRow(from: Float32Array, source: number, to: Float32Array, target: number, size: number): void {
  to.set(from.subarray(source * size, (source + 1) * size), target * size);
}
