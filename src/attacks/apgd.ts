import { ConfigError } from '../contracts/errors.ts';
import type { Attack, AttackContext, AttackPoints, Candidates } from './attack.ts';
import type { Balls } from './ball.ts';
import { ballsOf } from './balls.ts';
import { ClimbBatch } from './batch.ts';
import type { Ascent } from './climb.ts';
import { Findings } from './findings.ts';
import { LOSSES, type LossName } from './losses.ts';
import { otherClasses, predictedClass } from './predictions.ts';
import { checkpoints } from './schedule.ts';

export interface ApgdOptions {
  /** How results name the attack. */
  readonly name: string;
  readonly loss: LossName;
  /** Steps of one run. */
  readonly iterations: number;
  /** Runs (for each target, where the loss has one) from new starts, for the images still robust. */
  readonly restarts: number;
  /** Gradients averaged in a step. */
  readonly eot: number;
  /** Wrong classes a targeted loss aims at in turn, by falling clean logit; all of them by default and at most. */
  readonly targets?: number;
  readonly start: 'random' | 'clean';
}

/**
 * Auto-PGD (arXiv:2003.01690 section 3, `autopgd_base.py` of fra31/auto-attack): ascent on a loss within the ball, with
 * momentum and a step size that adapts to each image. A run evaluates iterations + 1 points, `eot` gradients each, and
 * no logits besides; a targeted attack evaluates the clean logits once.
 * Running it throws ConfigError where the model has too few classes for the loss, or the norm is unknown.
 */
export function apgd(options: ApgdOptions): Attack {
  const { name, loss, iterations, restarts, eot, targets = 1 } = options;
  const runs = restarts * (LOSSES[loss].targeted ? targets : 1);
  return { name, cost: runs * (iterations + 1) * eot, run: (points, context) => attack(options, points, context) };
}

/** One pass over the images still robust. */
interface Round {
  readonly restart: number;
  /** Which of an image's wrong classes to aim at: 0 is the most likely one. */
  readonly rank?: number;
}

async function attack(options: ApgdOptions, points: AttackPoints, context: AttackContext): Promise<Candidates> {
  const { model, threat } = context;
  requireClasses(options, model.classes);
  const balls = ballsOf(threat, model.imageSize);
  const findings = new Findings(points, model.imageSize);
  const rounds = roundsOf(options, model.classes);
  const targets = LOSSES[options.loss].targeted ? await rankTargets(points, context) : undefined;
  for (const [index, round] of rounds.entries()) {
    const { standing } = findings;
    if (standing.length === 0) break;
    const ascents = standing.map((point) => ascentOf(points, point, round, targets, context));
    const batch = launch(options, points, ascents, balls, model.imageSize);
    await ascend(options, batch, findings, context, (step) => {
      const done = index * options.iterations + step;
      context.progress?.({ broken: findings.count, done, total: rounds.length * options.iterations });
    });
  }
  return findings;
}

function requireClasses({ name, loss }: ApgdOptions, classes: number): void {
  const { minClasses } = LOSSES[loss];
  if (classes < minClasses)
    throw new ConfigError(
      `${name} needs a model of at least ${minClasses} classes, this one has ${classes}: use apgd-ce or apgd-cw, which need 2`,
    );
}

/** Targets in the outer loop and restarts in the inner one, as in the original. */
function roundsOf({ loss, restarts, targets }: ApgdOptions, classes: number): Round[] {
  const runs = Array.from({ length: restarts }, (_, restart) => ({ restart }));
  if (!LOSSES[loss].targeted) return runs;
  const ranks = Math.min(targets ?? classes, classes - 1);
  return Array.from({ length: ranks }, (_, rank) => runs.map((run) => ({ ...run, rank }))).flat();
}

/** The wrong classes of each image, by falling clean logit. */
async function rankTargets({ x, labels, images }: AttackPoints, context: AttackContext): Promise<number[][]> {
  const streams = images.map((image) => context.stream(image, 'targets'));
  const logits = await context.model.logits(x, streams);
  return images.map((_, row) => otherClasses(logits, row, context.model.classes, labels[row]!));
}

function ascentOf(
  { images, labels }: AttackPoints,
  point: number,
  { restart, rank }: Round,
  targets: number[][] | undefined,
  context: AttackContext,
): Ascent {
  const image = images[point]!;
  const label = labels[point]!;
  if (rank === undefined) return { point, label, stream: context.stream(image, 'restart', restart) };
  const target = targets![point]![rank]!;
  return { point, label, target, stream: context.stream(image, 'restart', restart, 'target', rank) };
}

/** Puts every climb at its start. */
function launch(
  { start }: ApgdOptions,
  { x }: AttackPoints,
  ascents: readonly Ascent[],
  balls: Balls,
  imageSize: number,
): ClimbBatch {
  const batch = new ClimbBatch(ascents.length, imageSize);
  for (const ascent of ascents) {
    const clean = x.subarray(ascent.point * imageSize, (ascent.point + 1) * imageSize);
    const ball = balls(clean);
    batch.add(ascent, ball, (slot) => (start === 'clean' ? slot.set(clean) : ball.randomStart(slot, ascent.stream)));
  }
  return batch;
}

/** Lets the batch climb until its steps are spent or, where first examples suffice, all of it is broken. */
async function ascend(
  { loss, iterations, eot }: ApgdOptions,
  batch: ClimbBatch,
  findings: Findings,
  { model, examples }: AttackContext,
  onStep: (step: number) => void,
): Promise<void> {
  const periods = checkpoints(iterations);
  for (let step = 0; ; step++) {
    const logits = await batch.evaluate(model, loss, eot);
    harvest(batch, logits, model.classes, findings, examples);
    onStep(step);
    if (step === iterations || batch.climbs.length === 0) return;
    const period = periods.get(step);
    for (const climb of batch.climbs) {
      climb.score();
      if (period !== undefined) climb.check(period);
      climb.move();
    }
  }
}

/** Keeps the misclassified iterates, and lets their climbs go where one example is enough. */
function harvest(
  batch: ClimbBatch,
  logits: Float32Array,
  classes: number,
  findings: Findings,
  examples: AttackContext['examples'],
): void {
  // From the back, so that the climb that fills a gap has been looked at.
  for (let row = batch.climbs.length - 1; row >= 0; row--) {
    const { ascent, x } = batch.climbs[row]!;
    if (predictedClass(logits, row, classes) === ascent.label) continue;
    findings.record(ascent.point, x);
    if (examples === 'first') batch.remove(row);
  }
}
