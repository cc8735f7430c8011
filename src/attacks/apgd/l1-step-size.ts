/** Share of the coordinates that the first step after a random start goes along (arXiv:2103.01208 section 4.1). */
const FIRST_SHARE = Math.fround(0.2);
/** A step goes along this much fewer coordinates than the best point differs in. */
const SPARSENING = 1.5;
/** The best point is getting sparser where it keeps less than this share of the coordinates it had. */
const SPARSER = Math.fround(0.95);
/** What a step is shortened by where the best point is not (`adasp_redstep` in `autopgd_base.py`) ... */
const SHORTENING = 1.5;
/** ... down to this fraction of the radius (`adasp_minstep`). */
const SHORTEST = 10;

export interface SavedL1StepSize {
  readonly size: number;
  readonly share: number;
  readonly nonzeros: number;
}

/**
 * The adaptive step of APGD in L1: its length and the share of the coordinates it goes along, float32 numbers. Both
 * follow the sparsity of the best point; the loss plays no part in it.
 */
export class L1StepSize {
  readonly #longest: number;
  readonly #shortest: number;
  readonly #imageSize: number;
  #size: number;
  #share: number;
  /** Coordinates in which the best point differed from the clean image when last looked at. */
  #nonzeros: number;

  private constructor(radius: number, imageSize: number, { size, share, nonzeros }: SavedL1StepSize) {
    this.#longest = Math.fround(radius);
    this.#shortest = Math.fround(radius / SHORTEST);
    this.#imageSize = imageSize;
    this.#size = size;
    this.#share = share;
    this.#nonzeros = nonzeros;
  }

  /** From a point that says nothing of the sparsity wanted: a step of the radius along a fifth of the coordinates. */
  static fresh(radius: number, imageSize: number): L1StepSize {
    return new L1StepSize(radius, imageSize, { size: Math.fround(radius), share: FIRST_SHARE, nonzeros: imageSize });
  }

  /** From a point that differs from the clean image in so many coordinates. */
  static from(nonzeros: number, radius: number, imageSize: number): L1StepSize {
    return new L1StepSize(radius, imageSize, {
      size: Math.fround(radius),
      share: shareOf(nonzeros, imageSize),
      nonzeros,
    });
  }

  static restored(saved: SavedL1StepSize, radius: number, imageSize: number): L1StepSize {
    return new L1StepSize(radius, imageSize, saved);
  }

  get size(): number {
    return this.#size;
  }

  get share(): number {
    return this.#share;
  }

  /**
   * At a checkpoint, with the nonzero offsets of the best point: back to the longest step where it has become sparser, a
   * shorter one where not. True where it has: the run is to go on from its best point.
   */
  check(nonzeros: number): boolean {
    const isSparser = Math.fround(nonzeros / this.#nonzeros) < SPARSER;
    this.#share = shareOf(nonzeros, this.#imageSize);
    this.#size = isSparser ? this.#longest : Math.max(Math.fround(this.#size / SHORTENING), this.#shortest);
    this.#nonzeros = nonzeros;
    return isSparser;
  }

  save(): SavedL1StepSize {
    return { size: this.#size, share: this.#share, nonzeros: this.#nonzeros };
  }
}

function shareOf(nonzeros: number, imageSize: number): number {
  return Math.fround(Math.fround(nonzeros / imageSize) / SPARSENING);
}
