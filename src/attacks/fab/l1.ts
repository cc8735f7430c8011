import { sign } from '../float32.ts';
import { NEGLIGIBLE, type Projection } from './projection.ts';
import { reach, sideOf } from './reach.ts';

/** A digit of 11 bits, the largest first. */
const DIGIT = 11;
const TOP = (1 << DIGIT) - 1;
/** The first digit leaves out 16 bits: 128 values to an octave, so that it tells most weights apart, and 16 octaves. */
const COARSE = 16;

/** No weight is that small: all coordinates go as far as they reach. */
const ALL = 0;

/**
 * L1: the coordinates with the largest |w_i| go first, each as far as it reaches, until w.x has fallen by c: a knapsack
 * filled greedily. The |w_i| at which it overflows is found digit by digit, as in radix sort, the bits of positive float32
 * numbers being ordered like the numbers; only the coordinates that share the digits so far are looked at again. Of equal
 * |w_i| the first coordinates go first.
 */
export function l1Projection(imageSize: number): Projection {
  const signs = new Float64Array(imageSize);
  const weights = new Float32Array(imageSize);
  const bits = new Int32Array(weights.buffer);
  const reaches = new Float64Array(imageSize);
  const falls = new Float64Array(imageSize);
  const knapsack = knapsackOf(bits, falls);
  /** Bits of the largest weight. */
  let heaviest = 0;
  return {
    aim(normal) {
      let largest = 0;
      for (let k = 0; k < imageSize; k++) {
        const w = normal[k]!;
        const weight = Math.abs(w) > NEGLIGIBLE ? w : 0;
        signs[k] = sign(weight);
        weights[k] = Math.abs(weight);
        largest = Math.max(largest, bits[k]!);
      }
      heaviest = largest;
    },
    move(point, excess, move) {
      const side = sideOf(excess);
      let total = 0;
      for (let k = 0; k < imageSize; k++) {
        const length = reach(point[k]!, side * signs[k]!);
        const fall = weights[k]! * length;
        reaches[k] = length;
        falls[k] = fall;
        total += fall;
      }
      const sought = Math.abs(excess);
      const { last, rest } = total <= sought ? { last: ALL, rest: 0 } : knapsack(sought, heaviest);
      let left = rest;
      let length = 0;
      for (let k = 0; k < imageSize; k++) {
        let step = 0;
        if (bits[k]! > last) step = reaches[k]!;
        else if (bits[k]! === last && left > 0) {
          step = Math.min(reaches[k]!, left / weights[k]!);
          left -= falls[k]!;
        }
        // Nothing where the weight is 0, whatever the step.
        move[k] = side * signs[k]! * step;
        length += Math.abs(move[k]!);
      }
      return length;
    },
  };
}

/** What fits into the knapsack: every weight above that of these bits, and of those of this weight a fall of `rest`. */
interface Filling {
  readonly last: number;
  readonly rest: number;
}

function knapsackOf(bits: Int32Array, falls: Float64Array): (sought: number, heaviest: number) => Filling {
  const everyone = Int32Array.from(bits.keys());
  const candidates = new Int32Array(bits.length);
  const sums = new Float64Array(TOP + 1);
  return (sought, heaviest) => {
    candidates.set(everyone);
    let count = candidates.length;
    let rest = sought;
    let shift = COARSE;
    let offset = Math.max((heaviest >> COARSE) - TOP, 0);
    for (;;) {
      addUp(sums, falls, bits, candidates, count, shift, offset);
      let digit = TOP;
      while (digit > 0 && rest >= sums[digit]!) rest -= sums[digit--]!;
      count = keep(bits, candidates, count, shift, offset, digit);
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
  };
}

/** Sums of the falls of the first `count` candidates, by digit. */
function addUp(
  sums: Float64Array,
  falls: Float64Array,
  bits: Int32Array,
  candidates: Int32Array,
  count: number,
  shift: number,
  offset: number,
): void {
  sums.fill(0);
  for (let i = 0; i < count; i++) {
    const k = candidates[i]!;
    sums[Math.max((bits[k]! >> shift) - offset, 0)]! += falls[k]!;
  }
}

/** Moves the candidates that have this digit to the front; gives their number. */
function keep(
  bits: Int32Array,
  candidates: Int32Array,
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
