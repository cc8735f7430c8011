import { sign } from '../../numeric/float32.ts';
import { boxSlack, type HyperplaneProjection, moveDirection, NEGLIGIBLE } from './step.ts';

/** No value is that small: everything fits. */
const ALL: Filling = { last: 0, rest: 0 };

/** Coordinates, [imageSize] each. */
interface Coordinates {
  readonly signs: Float64Array;
  /** |w_i|, the values of the items. */
  readonly weights: Float32Array;
  readonly slacks: Float64Array;
  /** Their sizes are by how much w.x decreases, |w_i| m_i. */
  readonly items: KnapsackItems;
}

/**
 * L1: the coordinates with the largest |w_i| go first, each by all of its slack, until w.x has decreased by c: a knapsack
 * filled greedily. Of equal |w_i| the first coordinates go first.
 */
export function projectionL1(imageSize: number): HyperplaneProjection {
  const weights = new Float32Array(imageSize);
  const coordinates: Coordinates = {
    signs: new Float64Array(imageSize),
    weights,
    slacks: new Float64Array(imageSize),
    items: knapsackItems(new Int32Array(weights.buffer)),
  };
  let largest = 0;
  return {
    setNormal(normal) {
      largest = splitWeights(normal, coordinates);
    },
    move(point, excess, move) {
      const direction = moveDirection(excess);
      const decrease = Math.abs(excess);
      const possible = measureDecreases(point, direction, coordinates);
      return moveGreedily(
        coordinates,
        direction,
        possible <= decrease ? ALL : fillKnapsack(coordinates.items, largest, decrease),
        move,
      );
    },
  };
}

/** Fills in signs and weights; gives the bits of the largest weight. */
function splitWeights(normal: Float32Array, { signs, weights, items: { bits } }: Coordinates): number {
  let largest = 0;
  for (let k = 0; k < normal.length; k++) {
    const w = normal[k]!;
    const weight = Math.abs(w) > NEGLIGIBLE ? w : 0;
    signs[k] = sign(weight);
    weights[k] = Math.abs(weight);
    largest = Math.max(largest, bits[k]!);
  }
  return largest;
}

/** Fills in slacks and decreases; gives the sum of these. */
function measureDecreases(
  point: Float32Array,
  direction: number,
  { signs, weights, slacks, items }: Coordinates,
): number {
  const { sizes } = items;
  let sum = 0;
  for (let k = 0; k < point.length; k++) {
    const slack = boxSlack(point[k]!, direction * signs[k]!);
    const decrease = weights[k]! * slack;
    slacks[k] = slack;
    sizes[k] = decrease;
    sum += decrease;
  }
  return sum;
}

/** Writes the move; gives its length. */
function moveGreedily(
  coordinates: Coordinates,
  direction: number,
  { last, rest }: Filling,
  move: Float64Array,
): number {
  const { signs, weights, slacks, items } = coordinates;
  const { bits, sizes } = items;
  let left = rest;
  let length = 0;
  for (let k = 0; k < move.length; k++) {
    let step = 0;
    if (bits[k]! > last) step = slacks[k]!;
    else if (bits[k]! === last && left > 0) {
      step = Math.min(slacks[k]!, left / weights[k]!);
      left -= sizes[k]!;
    }
    // Nothing where the weight is 0, whatever the step.
    move[k] = direction * signs[k]! * step;
    length += Math.abs(move[k]!);
  }
  return length;
}

/** A digit of 11 bits, the largest first. */
const DIGIT = 11;
const TOP = (1 << DIGIT) - 1;
/** The first digit leaves out 16 bits: 128 values to an octave, so that it tells most weights apart, and 16 octaves. */
const COARSE = 16;

/** Items that a knapsack is filled with, the largest value first; [items] each. */
export interface KnapsackItems {
  /** Bits of the values, float32 numbers that are not negative: ordered like the numbers. */
  readonly bits: Int32Array;
  readonly sizes: Float64Array;
  /** Scratch: those still in question. */
  readonly candidates: Int32Array;
  /** 0, 1, 2, ... */
  readonly all: Int32Array;
  /** Scratch: size of the candidates that have a digit. */
  readonly sums: Float64Array;
}

/** What fits: everything of a value above that of the bits `last` and, of those of this value, a size of `rest`. */
export interface Filling {
  readonly last: number;
  readonly rest: number;
}

function knapsackItems(bits: Int32Array): KnapsackItems {
  return {
    bits,
    sizes: new Float64Array(bits.length),
    candidates: new Int32Array(bits.length),
    all: Int32Array.from(bits.keys()),
    sums: new Float64Array(TOP + 1),
  };
}

/**
 * Fills a knapsack of a capacity that is less than all sizes together. The value at which it overflows is found digit by
 * digit, as in radix sort; only the items that share the digits so far are looked at again. `largest` has the bits of the
 * largest value.
 */
function fillKnapsack(items: KnapsackItems, largest: number, capacity: number): Filling {
  const { candidates, all, sums } = items;
  candidates.set(all);
  let count = candidates.length;
  let rest = capacity;
  let shift = COARSE;
  let offset = Math.max((largest >> COARSE) - TOP, 0);
  for (;;) {
    addUp(items, count, shift, offset);
    let digit = TOP;
    while (digit > 0 && rest >= sums[digit]!) rest -= sums[digit--]!;
    count = keep(items, count, shift, offset, digit);
    if (digit === 0 && shift === COARSE && offset > 0) {
      // Below the octaves looked at so far.
      offset = Math.max(offset - TOP, 0);
      continue;
    }
    if (shift === 0) return { last: offset + digit, rest };
    const next = Math.max(shift - DIGIT, 0);
    offset = (offset + digit) << (shift - next);
    shift = next;
  }
}

/** Sums up the sizes of the first `count` candidates, by digit. */
function addUp({ bits, sizes, candidates, sums }: KnapsackItems, count: number, shift: number, offset: number): void {
  sums.fill(0);
  for (let i = 0; i < count; i++) {
    const k = candidates[i]!;
    sums[Math.max((bits[k]! >> shift) - offset, 0)]! += sizes[k]!;
  }
}

/** Moves the candidates that have this digit to the front; gives their number. */
function keep(
  { bits, candidates }: KnapsackItems,
  count: number,
  shift: number,
  offset: number,
  digit: number,
): number {
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const k = candidates[i]!;
    if (Math.max((bits[k]! >> shift) - offset, 0) === digit) candidates[kept++] = k;
  }
  return kept;
}
