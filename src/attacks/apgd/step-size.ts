/** Share of a period's steps that must raise the loss for the step size to stay (rho, arXiv:2003.01690 section 3). */
const RHO = 0.75;

export interface SavedStepSize {
  readonly size: number;
  readonly best: number;
  readonly bestBefore: number;
  readonly halvedBefore: boolean;
  readonly rises: number;
  readonly last: number;
}

/** The adaptive step size of one image's APGD: keeps score of its losses and halves the step where it stalls. */
export class StepSize {
  #size: number;
  #best = Number.NEGATIVE_INFINITY;
  /** The best loss when last checked. */
  #bestBefore = Number.NEGATIVE_INFINITY;
  #halvedBefore = true;
  /** Steps that raised the loss since the last checkpoint. */
  #rises = 0;
  /**
   * Loss of the step before. The original looks up the loss before the first step in a row of its table that is not
   * written yet and finds 0, not the start's loss; results depend on it, so it stays.
   */
  #last = 0;

  constructor(size: number, saved?: SavedStepSize) {
    this.#size = saved?.size ?? size;
    if (saved === undefined) return;
    this.#best = saved.best;
    this.#bestBefore = saved.bestBefore;
    this.#halvedBefore = saved.halvedBefore;
    this.#rises = saved.rises;
    this.#last = saved.last;
  }

  save(): SavedStepSize {
    return {
      size: this.#size,
      best: this.#best,
      bestBefore: this.#bestBefore,
      halvedBefore: this.#halvedBefore,
      rises: this.#rises,
      last: this.#last,
    };
  }

  /** In the units of the image; a float32 number, and halving keeps it one. */
  get size(): number {
    return this.#size;
  }

  /** Takes the loss of the starting point. */
  start(loss: number): void {
    this.#best = Number.isNaN(loss) ? Number.NEGATIVE_INFINITY : loss;
    this.#bestBefore = this.#best;
  }

  /** Takes the loss after a step; true where it is the best so far. */
  record(loss: number): boolean {
    if (loss > this.#last) this.#rises++;
    this.#last = loss;
    if (!(loss > this.#best)) return false;
    this.#best = loss;
    return true;
  }

  /**
   * At a checkpoint, `period` steps after the one before: halves the step where the loss rose in too few of them
   * (condition 1), or where the step was kept last time and the best loss has not moved since (condition 2). True where
   * it halved: the run is to go on from its best point.
   */
  check(period: number): boolean {
    const oscillates = this.#rises <= RHO * period;
    const stuck = !this.#halvedBefore && this.#bestBefore >= this.#best;
    const halve = oscillates || stuck;
    if (halve) this.#size /= 2;
    this.#halvedBefore = halve;
    this.#bestBefore = this.#best;
    this.#rises = 0;
    return halve;
  }
}
