import type { StreamState } from '../random/stream.ts';
import { ask, joined } from './ask.ts';
import type { Attack, AttackContext, AttackPoints, Candidates, SavedAttack } from './attack.ts';
import { Findings, type SavedFindings } from './findings.ts';
import type { AttackDefinition, Round, Search, Subject } from './search.ts';

/**
 * Makes an attack of a definition. Searches run side by side and a batch is kept full: one that ends leaves, and the
 * image's next round or another image takes its place.
 */
export function attackOf<State>(definition: AttackDefinition<State>): Attack {
  const { name, rounds, roundCost } = definition;
  return {
    name,
    cost(classes) {
      const { forwards, gradients } = roundCost(classes);
      const times = rounds(classes).length;
      return { forwards: forwards * times, gradients: gradients * times };
    },
    run: async (points, context) => new Drive(definition, points, context).run(),
  };
}

/** An image in a round of its own. */
interface Lane<State> {
  /** Row of the points under attack. */
  readonly row: number;
  readonly round: number;
  readonly subject: Subject;
  readonly search: Search<State>;
  /** Questions answered so far. */
  asked: number;
  /** For another judge: the last point that the model the attack sees misclassified. */
  example: Float32Array | null;
}

/** All that a drive is made of, between two evaluations. */
interface SavedDrive<State> {
  readonly findings: SavedFindings;
  readonly waiting: readonly number[];
  readonly lanes: readonly (Pick<Lane<State>, 'row' | 'round' | 'asked' | 'example'> & {
    readonly stream: StreamState;
    readonly state: State;
  })[];
}

/** One run of an attack over some points. */
class Drive<State> {
  readonly #points: AttackPoints;
  readonly #context: AttackContext;
  readonly #rounds: readonly Round[];
  readonly #start: ReturnType<AttackDefinition<State>['enter']>;
  /** Questions that a round of an image that holds out takes. */
  readonly #questions: number;
  readonly #findings: Findings;
  /** Rows not begun yet, the next one last. */
  readonly #waiting: number[];
  #lanes: Lane<State>[] = [];

  constructor(definition: AttackDefinition<State>, points: AttackPoints, context: AttackContext) {
    const { classes, imageSize } = context.model;
    this.#points = points;
    this.#context = context;
    this.#start = definition.enter({ threat: context.threat, model: context.model });
    this.#rounds = definition.rounds(classes);
    const { forwards, gradients } = definition.roundCost(classes);
    this.#questions = forwards + gradients;
    const saved = context.saved === undefined ? undefined : opened<State>(context.saved);
    this.#findings = new Findings(points, imageSize, saved?.findings);
    this.#waiting = saved ? [...saved.waiting] : [...points.images.keys()].reverse();
    for (const { row, round, asked, example, stream, state } of saved?.lanes ?? []) {
      const subject = this.#subject(row, round);
      subject.stream.restore(stream);
      this.#lanes.push({
        row,
        round,
        subject,
        search: this.#start(subject, this.#round(round), state),
        asked,
        example,
      });
    }
  }

  async run(): Promise<Candidates> {
    const { model, batchSize = Number.POSITIVE_INFINITY, verdict, progress, checkpoint } = this.#context;
    for (;;) {
      while (this.#lanes.length < batchSize && this.#waiting.length > 0) this.#begin(this.#waiting.pop()!, 0);
      if (this.#lanes.length === 0) return this.#findings;
      for (const { lane, answer } of await ask(model, this.#lanes)) {
        lane.asked++;
        const example = lane.search.receive(answer);
        if (example === undefined) continue;
        if (verdict === undefined) this.#findings.record(lane.row, example);
        else lane.example = example.slice();
      }
      if (verdict !== undefined) await this.#offer(verdict);
      this.#goOn();
      progress?.({ broken: this.#findings.count, fraction: this.#fraction() });
      await checkpoint?.(() => this.#save());
    }
  }

  /** Shows the judge what the searches that are over found, and where that does not fool it, what they think most of. */
  async #offer(verdict: NonNullable<AttackContext['verdict']>): Promise<void> {
    const over = this.#lanes.filter(({ search }) => search.query === undefined);
    await this.#ask(
      verdict,
      over.flatMap(({ row, example }) => (example === null ? [] : [{ row, x: example }])),
    );
    const standing = over.filter(({ row }) => this.#findings.broken[row] === 0);
    await this.#ask(
      verdict,
      standing.map(({ row, search }) => ({ row, x: search.best })),
    );
  }

  async #ask(
    verdict: NonNullable<AttackContext['verdict']>,
    offers: readonly { readonly row: number; readonly x: Float32Array }[],
  ): Promise<void> {
    if (offers.length === 0) return;
    const x = joined(
      offers.map((offer) => offer.x),
      this.#context.model.imageSize,
    );
    const fooled = await verdict(
      offers.map(({ row }) => row),
      x,
    );
    for (const [i, offer] of offers.entries()) if (fooled[i] === true) this.#findings.record(offer.row, offer.x);
  }

  /** Lets go of the lanes that are over; their images go on to the next round while they stand. */
  #goOn(): void {
    const lanes = this.#lanes;
    this.#lanes = [];
    for (const lane of lanes) {
      const broken = this.#findings.broken[lane.row] === 1;
      const wanted = lane.search.query !== undefined && !(broken && this.#context.examples === 'first');
      if (wanted) this.#lanes.push(lane);
      else if (!broken) this.#begin(lane.row, lane.round + 1);
    }
  }

  /** Puts an image into its next round with anything to ask. */
  #begin(row: number, first: number): void {
    for (let round = first; round < this.#rounds.length; round++) {
      const subject = this.#subject(row, round);
      const search = this.#start(subject, this.#round(round));
      if (search.query === undefined) continue;
      this.#lanes.push({ row, round, subject, search, asked: 0, example: null });
      return;
    }
  }

  #round(index: number): Round {
    return this.#rounds[index]!;
  }

  #subject(row: number, round: number): Subject {
    const { x, labels, images, logits } = this.#points;
    const { imageSize, classes } = this.#context.model;
    const { restart, rank } = this.#round(round);
    const key = rank === undefined ? [] : ['target', rank];
    return {
      clean: x.subarray(row * imageSize, (row + 1) * imageSize),
      label: labels[row]!,
      logits: logits.subarray(row * classes, (row + 1) * classes),
      stream: this.#context.stream(images[row]!, 'restart', restart, ...key),
    };
  }

  /** Share of the work that is done: rounds left out because their image broke count as done. */
  #fraction(): number {
    const rounds = this.#rounds.length;
    const left = this.#lanes.reduce(
      (sum, { round, asked }) => sum + rounds - round - Math.min(1, asked / this.#questions),
      this.#waiting.length * rounds,
    );
    return 1 - left / (rounds * this.#points.images.length);
  }

  #save(): SavedAttack {
    const drive: SavedDrive<State> = {
      findings: this.#findings.save(),
      waiting: this.#waiting,
      lanes: this.#lanes.map(({ row, round, asked, example, subject, search }) => ({
        row,
        round,
        asked,
        example,
        stream: subject.stream.save(),
        state: search.save(),
      })),
    };
    return sealed(drive);
  }
}

/**
 * Outside, what an attack saved is opaque: only a drive of the same definition, points and seed may open it, which the
 * protocol sees to by keeping it under the run's identity and the attack's place in the suite.
 */
function sealed<State>(drive: SavedDrive<State>): SavedAttack {
  return drive as unknown as SavedAttack;
}

function opened<State>(saved: SavedAttack): SavedDrive<State> {
  return saved as unknown as SavedDrive<State>;
}
