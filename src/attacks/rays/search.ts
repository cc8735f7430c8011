import { predictedClass } from '../predictions.ts';
import type { Answer, Query, Search } from '../search.ts';
import { distance } from '../threat.ts';
import { type Block, type BlockPlace, blockAfter, blockAt, WHOLE_IMAGE } from './blocks.ts';

/** Boundaries are located to within this Euclidean distance (`tol` in `RayS.py`). */
const PRECISION = Math.fround(1e-3);

const NOWHERE: Block = { start: 0, end: 0 };

export interface RaysSubject {
  readonly clean: Float32Array;
  readonly label: number;
  readonly epsilon: number;
  readonly queries: number;
}

export interface SavedRays {
  /** [imageSize] -1 or 1: the direction that is being tried. */
  readonly signs: Int8Array;
  /** The block in which it differs from the best direction. */
  readonly place: BlockPlace;
  /** Euclidean distance of the boundary in the best direction; Infinity before one was found. */
  readonly radius: number;
  /** Where the boundary lies in the direction being tried; null while it is only known not to be nearer than `radius`. */
  readonly bracket: Bracket | null;
  readonly asked: number;
}

/** Euclidean distances: the model is right at `low` and wrong at `high`. */
interface Bracket {
  readonly low: number;
  readonly high: number;
}

/**
 * One image's search (arXiv:2006.12792 algorithms 2 and 3; `RayS.py` of uclaml/RayS rather than `RayS_Single.py`, whose
 * ten tries per first direction look at one and the same point in images within [0, 1]). A direction is the best one with
 * a block's signs turned. It is first tried at the best radius; where the model is wrong there, the boundary is nearer and
 * located by halving. Float32 where the original is. The search ends as soon as an image within epsilon is misclassified;
 * no direction is begun once the queries are spent.
 */
export class RaysSearch implements Search<SavedRays> {
  readonly #subject: RaysSubject;
  readonly #x: Float32Array;
  /** Coordinates of a direction of Euclidean length 1. */
  readonly #unit: number;
  readonly #signs: Int8Array;
  #place: BlockPlace;
  #radius: number;
  #bracket: Bracket | null;
  #asked: number;
  #over = false;
  #succeeded = false;

  constructor(subject: RaysSubject, saved?: SavedRays) {
    const imageSize = subject.clean.length;
    this.#subject = subject;
    this.#x = new Float32Array(imageSize);
    this.#unit = Math.fround(1 / Math.fround(Math.sqrt(imageSize)));
    this.#signs = saved?.signs.slice() ?? new Int8Array(imageSize).fill(1);
    this.#place = saved?.place ?? WHOLE_IMAGE;
    this.#radius = saved?.radius ?? Number.POSITIVE_INFINITY;
    this.#bracket = saved?.bracket ?? null;
    this.#asked = saved?.asked ?? 0;
    if (saved === undefined) this.#turn();
    this.#draw(this.#everywhere, this.#bracket === null ? this.#radius : middleOf(this.#bracket));
  }

  get query(): Query | undefined {
    return this.#over ? undefined : { kind: 'logits', x: this.#x };
  }

  receive({ logits }: Answer): Float32Array | undefined {
    const { label, clean, epsilon } = this.#subject;
    this.#asked++;
    const isBroken = predictedClass(logits, 0, logits.length) !== label;
    if (isBroken && distance(this.#x, clean, 'Linf') <= Math.fround(epsilon)) {
      this.#over = true;
      this.#succeeded = true;
      return this.#x;
    }
    if (this.#bracket !== null) this.#narrow(this.#bracket, isBroken);
    else if (isBroken) this.#locate({ low: 0, high: Math.min(this.#radius, this.#farthest) });
    else this.#refuse();
    return undefined;
  }

  /** The example found, or the point at epsilon in the best direction. */
  get best(): Float32Array {
    if (this.#succeeded) return this.#x;
    const { clean, epsilon } = this.#subject;
    const turned = this.#over ? NOWHERE : this.#block;
    return clean.map((value, k) => {
      const sign = k >= turned.start && k < turned.end ? -this.#signs[k]! : this.#signs[k]!;
      return Math.min(Math.max(value + sign * Math.fround(epsilon), 0), 1);
    });
  }

  save(): SavedRays {
    return {
      signs: this.#signs,
      place: this.#place,
      radius: this.#radius,
      bracket: this.#bracket,
      asked: this.#asked,
    };
  }

  /** At this distance all coordinates have moved by 1, and the image is at a corner of [0, 1]. */
  get #farthest(): number {
    return Math.fround(Math.sqrt(this.#signs.length));
  }

  get #everywhere(): Block {
    return { start: 0, end: this.#signs.length };
  }

  #narrow(bracket: Bracket, isBroken: boolean): void {
    const middle = middleOf(bracket);
    const narrower = isBroken ? { ...bracket, high: middle } : { ...bracket, low: middle };
    if (Math.fround(narrower.high - narrower.low) > PRECISION) this.#locate(narrower);
    else this.#conclude(narrower.high);
  }

  #locate(bracket: Bracket): void {
    this.#bracket = bracket;
    this.#draw(this.#everywhere, middleOf(bracket));
  }

  /** Takes the direction where it is better than the best. */
  #conclude(boundary: number): void {
    this.#bracket = null;
    if (boundary < this.#radius) this.#radius = boundary;
    else this.#turn();
    this.#draw(this.#everywhere, this.#radius);
    this.#goOn();
  }

  #refuse(): void {
    this.#turn();
    this.#draw(this.#block, this.#radius);
    this.#goOn();
  }

  /** To the next direction; x is on the best one. */
  #goOn(): void {
    this.#over = this.#asked >= this.#subject.queries;
    if (this.#over) return;
    this.#place = blockAfter(this.#place, this.#signs.length);
    this.#turn();
    this.#draw(this.#block, this.#radius);
  }

  get #block(): Block {
    return blockAt(this.#place, this.#signs.length);
  }

  /** Turns the signs of the block, or turns them back. */
  #turn(): void {
    const { start, end } = this.#block;
    for (let k = start; k < end; k++) this.#signs[k]! *= -1;
  }

  /** Brings part of x to this Euclidean distance along the direction, then into [0, 1]. */
  #draw({ start, end }: Block, radius: number): void {
    const { clean } = this.#subject;
    const offset = Math.fround(radius * this.#unit);
    // An offset may be infinite, which the branchless clamp of float32.ts does not take.
    for (let k = start; k < end; k++) this.#x[k] = Math.min(Math.max(clean[k]! + offset * this.#signs[k]!, 0), 1);
  }
}

function middleOf({ low, high }: Bracket): number {
  return Math.fround(Math.fround(low + high) / 2);
}
