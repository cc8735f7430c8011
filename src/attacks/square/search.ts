import type { RandomSource } from '../../random/stream.ts';
import { predictedClass } from '../predictions.ts';
import type { Answer, Arena, Query, Search } from '../search.ts';
import { squareShare } from './schedule.ts';

/** What of the attack depends on the norm: the changes it tries. */
export interface Painter {
  /** [imageSize] The point proposed; at first, the starting point. */
  readonly x: Float32Array;
  /** [imageSize] The best point kept so far; before the first, the clean image. */
  readonly best: Float32Array;
  /**
   * Makes x a change of `best`, in squares that cover this share of the pixels. False where it changed nothing.
   * Not called before the proposal before is kept or dropped.
   */
  propose(share: number): boolean;
  /** Makes `best` the point proposed. */
  keep(): void;
  /** Forgets the point proposed. */
  drop(): void;
}

/** What a painter works on; `saved` holds what `x` and `best` were. */
export interface Canvas {
  readonly clean: Float32Array;
  readonly stream: RandomSource;
  readonly saved?: SavedSquare | undefined;
}

/** Gives the painter of one image; those of one arena may share scratch space. */
export type Painters = (arena: Arena) => (canvas: Canvas) => Painter;

export interface SavedSquare {
  /** Proposals made, the starting point not counted. */
  readonly iteration: number;
  /** Margin of `best`. */
  readonly margin: number;
  readonly x: Float32Array;
  readonly best: Float32Array;
}

export interface SquareSubject {
  readonly label: number;
  readonly queries: number;
  /** Whether the model may answer the same question in another way. */
  readonly randomised: boolean;
}

/** Random search: a change is kept where it lowers the margin, and the search ends where it breaks the image. */
export class SquareSearch implements Search<SavedSquare> {
  readonly #subject: SquareSubject;
  readonly #painter: Painter;
  #iteration: number;
  #margin: number;
  #over = false;

  constructor(subject: SquareSubject, painter: Painter, saved?: SavedSquare) {
    this.#subject = subject;
    this.#painter = painter;
    this.#iteration = saved?.iteration ?? 0;
    this.#margin = saved?.margin ?? Number.POSITIVE_INFINITY;
  }

  get query(): Query | undefined {
    return this.#over ? undefined : { kind: 'logits', x: this.#painter.x };
  }

  receive({ logits }: Answer): Float32Array | undefined {
    if (predictedClass(logits, 0, logits.length) !== this.#subject.label) {
      this.#painter.keep();
      this.#over = true;
      return this.#painter.x;
    }
    const margin = marginOf(logits, this.#subject.label);
    if (margin < this.#margin) {
      this.#margin = margin;
      this.#painter.keep();
    } else {
      this.#painter.drop();
    }
    this.#goOn();
    return undefined;
  }

  get best(): Float32Array {
    return this.#painter.best;
  }

  save(): SavedSquare {
    const { x, best } = this.#painter;
    return { iteration: this.#iteration, margin: this.#margin, x, best };
  }

  /**
   * To the next proposal worth a question. One that changes nothing counts, but is not put to a model that would give
   * the same answer again, which is no improvement.
   */
  #goOn(): void {
    const { queries, randomised } = this.#subject;
    while (this.#iteration < queries) {
      const share = squareShare(this.#iteration++);
      if (this.#painter.propose(share) || randomised) return;
    }
    this.#over = true;
  }
}

/**
 * Logit of the label less the largest other one, in float32. The original takes 0 for success; here a tie that the label
 * wins is merely the best margin so far, and the search goes on.
 */
function marginOf(logits: Float32Array, label: number): number {
  let rival = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < logits.length; c++) {
    if (c !== label && logits[c]! > rival) rival = logits[c]!;
  }
  return Math.fround(logits[label]! - rival);
}
