import { ConfigError } from '../../errors.ts';
import type { Attack } from '../core/attack.ts';
import { defineAttack } from '../core/attack-scheduler.ts';
import type { ModelAnswer, ModelQuery, PerImageAttack } from '../core/per-image-attack.ts';
import { NO_PREDICTION, predictedClass } from '../core/predictions.ts';
import { distance } from '../norms/threat-model.ts';

export interface RaysOptions {
  /** How results name the attack. */
  readonly name: string;
  /** Evaluations after which no other direction is tried. */
  readonly queries: number;
}

/**
 * RayS (arXiv:2006.12792, uclaml/RayS): searches for the direction, among those to the corners of the cube, in which the
 * decision boundary is nearest. It asks for nothing but predicted classes and has no randomness of its own.
 */
export function rays({ name, queries }: RaysOptions): Attack {
  return defineAttack<RaysState>({
    name,
    roundCost: () => ({ forwards: queries, gradients: 0 }),
    rounds: () => [{ restart: 0 }],
    prepare({ threat }) {
      if (threat.norm !== 'Linf')
        throw new ConfigError(`${name} is an attack for the Linf norm, not for ${threat.norm}: leave it out`);
      return (sample, _round, saved) => new RaysRun({ ...sample, epsilon: threat.epsilon, queries }, saved);
    },
  });
}

/** Boundaries are located to within this Euclidean distance (`tol` in `RayS.py`). */
const PRECISION = Math.fround(1e-3);

const NOWHERE: Block = { start: 0, end: 0 };

export interface RaysSample {
  readonly clean: Float32Array;
  readonly label: number;
  readonly epsilon: number;
  readonly queries: number;
}

export interface RaysState {
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
 * RayS on one image (arXiv:2006.12792 algorithms 2 and 3; `RayS.py` of uclaml/RayS rather than `RayS_Single.py`, whose
 * ten tries per first direction evaluate one and the same point in images within [0, 1]). A direction is the best one with
 * a block's signs flipped. It is first tried at the best radius; where the model is wrong there, the boundary is nearer and
 * located by bisection. Float32 where the original is. The run ends as soon as an image within epsilon is misclassified;
 * no direction is begun once the queries are spent.
 */
export class RaysRun implements PerImageAttack<RaysState> {
  readonly #sample: RaysSample;
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

  constructor(sample: RaysSample, saved?: RaysState) {
    const imageSize = sample.clean.length;
    this.#sample = sample;
    this.#x = new Float32Array(imageSize);
    this.#unit = Math.fround(1 / Math.fround(Math.sqrt(imageSize)));
    this.#signs = saved?.signs.slice() ?? new Int8Array(imageSize).fill(1);
    this.#place = saved?.place ?? WHOLE_IMAGE;
    this.#radius = saved?.radius ?? Number.POSITIVE_INFINITY;
    this.#bracket = saved?.bracket ?? null;
    this.#asked = saved?.asked ?? 0;
    if (saved === undefined) this.#flipBlock();
    this.#setPoint(this.#everywhere, this.#bracket === null ? this.#radius : middleOf(this.#bracket));
  }

  get next(): ModelQuery | undefined {
    return this.#over ? undefined : { kind: 'logits', x: this.#x };
  }

  update({ logits }: ModelAnswer): Float32Array | undefined {
    const { label, clean, epsilon } = this.#sample;
    this.#asked++;
    const prediction = predictedClass(logits, 0, logits.length);
    // No prediction is a boundary to search along, but nothing to be found.
    const isBroken = prediction !== label;
    if (isBroken && prediction !== NO_PREDICTION && distance(this.#x, clean, 'Linf') <= Math.fround(epsilon)) {
      this.#over = true;
      this.#succeeded = true;
      return this.#x;
    }
    if (this.#bracket !== null) this.#bisect(this.#bracket, isBroken);
    else if (isBroken) this.#setBracket({ low: 0, high: Math.min(this.#radius, this.#farthest) });
    else this.#rejectDirection();
    return undefined;
  }

  /** The example found, or the point at epsilon in the best direction. */
  get best(): Float32Array {
    if (this.#succeeded) return this.#x;
    const { clean, epsilon } = this.#sample;
    const flipped = this.#over ? NOWHERE : this.#block;
    return clean.map((value, k) => {
      const sign = k >= flipped.start && k < flipped.end ? -this.#signs[k]! : this.#signs[k]!;
      return Math.min(Math.max(value + sign * Math.fround(epsilon), 0), 1);
    });
  }

  save(): RaysState {
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

  #bisect(bracket: Bracket, isBroken: boolean): void {
    const middle = middleOf(bracket);
    const narrower = isBroken ? { ...bracket, high: middle } : { ...bracket, low: middle };
    if (Math.fround(narrower.high - narrower.low) > PRECISION) this.#setBracket(narrower);
    else this.#takeBoundary(narrower.high);
  }

  #setBracket(bracket: Bracket): void {
    this.#bracket = bracket;
    this.#setPoint(this.#everywhere, middleOf(bracket));
  }

  /** Takes the direction where it is better than the best. */
  #takeBoundary(boundary: number): void {
    this.#bracket = null;
    if (boundary < this.#radius) this.#radius = boundary;
    else this.#flipBlock();
    this.#setPoint(this.#everywhere, this.#radius);
    this.#nextDirection();
  }

  #rejectDirection(): void {
    this.#flipBlock();
    this.#setPoint(this.#block, this.#radius);
    this.#nextDirection();
  }

  /** To the next direction; x is on the best one. */
  #nextDirection(): void {
    this.#over = this.#asked >= this.#sample.queries;
    if (this.#over) return;
    this.#place = blockAfter(this.#place, this.#signs.length);
    this.#flipBlock();
    this.#setPoint(this.#block, this.#radius);
  }

  get #block(): Block {
    return blockAt(this.#place, this.#signs.length);
  }

  /** Flips the signs of the block, or flips them back. */
  #flipBlock(): void {
    const { start, end } = this.#block;
    for (let k = start; k < end; k++) this.#signs[k]! *= -1;
  }

  /** Sets a block of x to what lies at this Euclidean distance along the direction, brought into [0, 1]. */
  #setPoint({ start, end }: Block, radius: number): void {
    const { clean } = this.#sample;
    const offset = Math.fround(radius * this.#unit);
    // An offset may be infinite, which the branchless clamp of float32.ts does not take.
    for (let k = start; k < end; k++) this.#x[k] = Math.min(Math.max(clean[k]! + offset * this.#signs[k]!, 0), 1);
  }
}

function middleOf({ low, high }: Bracket): number {
  return Math.fround(Math.fround(low + high) / 2);
}

/** The coordinates [start, end) of a flattened image. */
export interface Block {
  readonly start: number;
  readonly end: number;
}

/** Where the hierarchical search is: at a level the image is cut into 2^level blocks of equal size. */
export interface BlockPlace {
  readonly level: number;
  readonly index: number;
}

export const WHOLE_IMAGE: BlockPlace = { level: 0, index: 0 };

/** Sizes are rounded up, so that the last block of a level may be smaller; from some level on they are 1. */
export function blockAt({ level, index }: BlockPlace, imageSize: number): Block {
  const size = Math.ceil(imageSize / 2 ** level);
  return { start: index * size, end: Math.min(imageSize, (index + 1) * size) };
}

/** The next block, of the next level after a level's last one. */
export function blockAfter(place: BlockPlace, imageSize: number): BlockPlace {
  const { level, index } = place;
  if (blockAt(place, imageSize).end === imageSize) return { level: level + 1, index: 0 };
  return { level, index: index + 1 };
}
