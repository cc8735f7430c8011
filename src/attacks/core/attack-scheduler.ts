import { isFiniteRow } from '../../numeric/float32.ts';
import type { StreamState } from '../../numeric/random.ts';
import { stackRows } from '../../numeric/rows.ts';
import { isWithinThreat } from '../norms/threat-model.ts';
import { AdversarialExamples, type SavedExamples } from './adversarial-examples.ts';
import {
  type Attack,
  type AttackContext,
  type AttackPoints,
  type Candidates,
  evaluationsIn,
  type SavedAttack,
} from './attack.ts';
import { runQueries } from './model-queries.ts';
import type { AttackDefinition, AttackRound, PerImageAttack, Sample } from './per-image-attack.ts';

/**
 * Makes an attack of a definition. Per-image attacks run side by side and a batch is kept full: one that ends leaves, and
 * the image's next round or another image takes its place.
 */
export function defineAttack<State>(definition: AttackDefinition<State>): Attack {
  const { name, rounds, roundCost } = definition;
  return {
    name,
    cost: (classes) =>
      rounds(classes)
        .map((round) => roundCost(classes, round))
        .reduce((sum, cost) => ({
          forwards: sum.forwards + cost.forwards,
          gradients: sum.gradients + cost.gradients,
        })),
    run: async (points, context) => new AttackScheduler(definition, points, context).run(),
  };
}

/** An image under attack, in a round of its own. */
interface ActiveImage<State> {
  /** Row of the points under attack. */
  readonly row: number;
  readonly round: number;
  readonly sample: Sample;
  readonly attack: PerImageAttack<State>;
  /** Queries answered so far. */
  queries: number;
  /** Where another model is the target: the last point that the model the attack sees misclassified. */
  example: Float32Array | null;
}

/** All that a scheduler is made of, between two evaluations. */
interface SavedSchedulerState<State> {
  readonly examples: SavedExamples;
  readonly waiting: readonly number[];
  readonly active: readonly (Pick<ActiveImage<State>, 'row' | 'round' | 'queries' | 'example'> & {
    readonly targets?: readonly number[] | undefined;
    readonly stream: StreamState;
    readonly state: State;
  })[];
}

type TargetCheck = NonNullable<AttackContext['isAdversarialOnTarget']>;

/** One run of an attack over some points. */
class AttackScheduler<State> {
  readonly #points: AttackPoints;
  readonly #context: AttackContext;
  readonly #rounds: readonly AttackRound[];
  readonly #createAttack: ReturnType<AttackDefinition<State>['prepare']>;
  /** Queries that each round of an image that holds out takes. */
  readonly #roundQueries: readonly number[];
  readonly #examples: AdversarialExamples;
  /** Rows not begun yet, the next one last. */
  readonly #waiting: number[];
  #active: ActiveImage<State>[] = [];

  constructor(definition: AttackDefinition<State>, points: AttackPoints, context: AttackContext) {
    const { classes, imageSize } = context.model;
    this.#points = points;
    this.#context = context;
    this.#createAttack = definition.prepare({ threat: context.threat, model: context.model });
    this.#rounds = definition.rounds(classes);
    this.#roundQueries = this.#rounds.map((round) => evaluationsIn([definition.roundCost(classes, round)]));
    const saved = context.saved === undefined ? undefined : opened<State>(context.saved);
    this.#examples = new AdversarialExamples(points, imageSize, saved?.examples);
    this.#waiting = saved ? [...saved.waiting] : [...points.images.keys()].reverse();
    for (const { row, round, queries, example, targets, stream, state } of saved?.active ?? []) {
      const sample = this.#sample(row, round, targets);
      sample.stream.restore(stream);
      const attack = this.#createAttack(sample, this.#round(round), state);
      this.#active.push({ row, round, sample, attack, queries, example });
    }
  }

  async run(): Promise<Candidates> {
    const { model, batchSize = Number.POSITIVE_INFINITY, isAdversarialOnTarget, progress, checkpoint } = this.#context;
    for (;;) {
      while (this.#active.length < batchSize && this.#waiting.length > 0) this.#startRound(this.#waiting.pop()!, 0);
      if (this.#active.length === 0) return this.#examples;
      for (const { image, answer } of await runQueries(model, this.#active)) {
        image.queries++;
        if (!isFiniteRow(answer.logits)) this.#noteUnpredicted(image);
        const example = image.attack.update(answer);
        if (example === undefined) continue;
        if (isAdversarialOnTarget === undefined) this.#examples.record(image.row, example);
        else image.example = example.slice();
      }
      if (isAdversarialOnTarget !== undefined) await this.#verifyOnTarget(isAdversarialOnTarget);
      this.#advance();
      progress?.({ broken: this.#examples.count, fraction: this.#fraction() });
      await checkpoint?.(() => this.#save());
    }
  }

  /** Before `update`, while the image's query is still the one that was answered. */
  #noteUnpredicted({ row, attack, sample }: ActiveImage<State>): void {
    const x = attack.next?.x;
    if (x !== undefined && isWithinThreat(x, sample.clean, this.#context.threat)) this.#examples.unpredicted[row] = 1;
  }

  /**
   * Evaluates on the target what the rounds that are over found and, where that does not fool it, their best points. A round
   * that ranks targets has none.
   */
  async #verifyOnTarget(isAdversarialOnTarget: TargetCheck): Promise<void> {
    const over = this.#active.filter(
      ({ attack, round }) => attack.next === undefined && !this.#round(round).ranksTargets,
    );
    const found = over.flatMap(({ row, example }) => (example === null ? [] : [{ row, x: example }]));
    await this.#recordAdversarial(isAdversarialOnTarget, found);
    const robust = over.filter(({ row }) => this.#examples.broken[row] === 0);
    const best = robust.map(({ row, attack }) => ({ row, x: attack.best }));
    await this.#recordAdversarial(isAdversarialOnTarget, best);
  }

  async #recordAdversarial(
    isAdversarialOnTarget: TargetCheck,
    points: readonly { readonly row: number; readonly x: Float32Array }[],
  ): Promise<void> {
    if (points.length === 0) return;
    const [rows, xs] = [points.map(({ row }) => row), points.map(({ x }) => x)];
    const adversarial = await isAdversarialOnTarget(rows, stackRows(xs, this.#context.model.imageSize));
    for (const [i, { row, x }] of points.entries()) if (adversarial[i] === true) this.#examples.record(row, x);
  }

  /** Drops the images whose round is over; they go on to the next one while they are robust. */
  #advance(): void {
    const active = this.#active;
    this.#active = [];
    for (const image of active) {
      const broken = this.#examples.broken[image.row] === 1;
      const goesOn = image.attack.next !== undefined && !(broken && this.#context.examples === 'first');
      if (goesOn) this.#active.push(image);
      else if (!broken) this.#startRound(image.row, image.round + 1, image.attack.targets ?? image.sample.targets);
    }
  }

  /** Starts an image's next round that has a query. */
  #startRound(row: number, first: number, targets?: readonly number[]): void {
    for (let round = first; round < this.#rounds.length; round++) {
      const sample = this.#sample(row, round, targets);
      const attack = this.#createAttack(sample, this.#round(round));
      if (attack.next === undefined) continue;
      this.#active.push({ row, round, sample, attack, queries: 0, example: null });
      return;
    }
  }

  #round(index: number): AttackRound {
    return this.#rounds[index]!;
  }

  #sample(row: number, round: number, targets: readonly number[] | undefined): Sample {
    const { x, labels, images, logits } = this.#points;
    const { imageSize, classes } = this.#context.model;
    const { restart, targetRank } = this.#round(round);
    const key = targetRank === undefined ? [] : ['target', targetRank];
    return {
      clean: x.subarray(row * imageSize, (row + 1) * imageSize),
      label: labels[row]!,
      logits: logits.subarray(row * classes, (row + 1) * classes),
      stream: this.#context.stream(images[row]!, 'restart', restart, ...key),
      ...(targets === undefined ? {} : { targets }),
    };
  }

  /** Share of the work that is done: rounds left out because their image broke count as done. */
  #fraction(): number {
    const all = this.#queriesFrom(0);
    const left = this.#active.reduce(
      (sum, { round, queries }) => sum + this.#queriesFrom(round) - Math.min(this.#roundQueries[round]!, queries),
      this.#waiting.length * all,
    );
    return 1 - left / (all * this.#points.images.length);
  }

  /** Queries of a round and those after it. */
  #queriesFrom(round: number): number {
    return this.#roundQueries.slice(round).reduce((sum, queries) => sum + queries, 0);
  }

  #save(): SavedAttack {
    const state: SavedSchedulerState<State> = {
      examples: this.#examples.save(),
      waiting: this.#waiting,
      active: this.#active.map(({ row, round, queries, example, sample, attack }) => ({
        row,
        round,
        queries,
        example,
        targets: sample.targets,
        stream: sample.stream.save(),
        state: attack.save(),
      })),
    };
    return sealed(state);
  }
}

/**
 * Outside, what an attack saved is opaque: only a scheduler of the same definition, points and seed may open it, which the
 * protocol sees to by keeping it under the run's identity and the attack's place in the suite.
 */
function sealed<State>(state: SavedSchedulerState<State>): SavedAttack {
  return state as unknown as SavedAttack;
}

function opened<State>(saved: SavedAttack): SavedSchedulerState<State> {
  return saved as unknown as SavedSchedulerState<State>;
}
