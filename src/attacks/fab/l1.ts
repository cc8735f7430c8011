import { sign } from '../float32.ts';
import { NEGLIGIBLE, type Projection } from './projection.ts';
import { reach, sideOf } from './reach.ts';

/** Bits of a positive float32 from the top, sign aside, by how many at a time and from which one on. */
const DIGITS = [
  { shift: 20, count: 1 << 11 },
  { shift: 10, count: 1 << 10 },
  { shift: 0, count: 1 << 10 },
];

/** No weight is that small: all coordinates go as far as they reach. */
const ALL = 0;

/**
 * L1: the coordinates with the largest |w_i| go first, each as far as it reaches, until w.x has fallen by c: a knapsack
 * filled greedily. The |w_i| at which it overflows is found as in radix sort, from its leading digits to its last, the
 * bits of positive float32 numbers being ordered like the numbers; of equal |w_i| the first coordinates go first.
 */
export function l1Projection(imageSize: number): Projection {
  const signs = new Float64Array(imageSize);
  const weights = new Float32Array(imageSize);
  const bits = new Int32Array(weights.buffer);
  const reaches = new Float64Array(imageSize);
  const falls = new Float64Array(imageSize);
  const knapsack = knapsackOf(bits, falls);
  return {
    aim(normal) {
      for (let k = 0; k < imageSize; k++) {
        const w = normal[k]!;
        const weight = Math.abs(w) > NEGLIGIBLE ? w : 0;
        signs[k] = sign(weight);
        weights[k] = Math.abs(weight);
      }
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
      const { last, rest } = total <= sought ? { last: ALL, rest: 0 } : knapsack(sought);
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

/** Bits of the weight at which the falls, the largest weights first, exceed `sought`; and what is left for those of that weight. */
function knapsackOf(bits: Int32Array, falls: Float64Array): (sought: number) => { last: number; rest: number } {
  const sums = new Float64Array(DIGITS[0]!.count);
  return (sought) => {
    let rest = sought;
    let last = 0;
    for (const { shift, count } of DIGITS) {
      sums.fill(0);
      const width = Math.log2(count);
      for (let k = 0; k < bits.length; k++) {
        const code = bits[k]! >>> shift;
        if (code >>> width === last) sums[code & (count - 1)]! += falls[k]!;
      }
      let digit = count - 1;
      while (digit > 0 && rest >= sums[digit]!) rest -= sums[digit--]!;
      last = last * count + digit;
    }
    return { last, rest };
  };
}
