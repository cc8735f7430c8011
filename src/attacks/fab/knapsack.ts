/** A digit of 11 bits, the largest first. */
const DIGIT = 11;
const TOP = (1 << DIGIT) - 1;
/** The first digit leaves out 16 bits: 128 values to an octave, so that it tells most weights apart, and 16 octaves. */
const COARSE = 16;

/** Things that a knapsack is filled with, the largest value first; [things] each. */
export interface Things {
  /** Bits of the values, float32 numbers that are not negative: ordered like the numbers. */
  readonly bits: Int32Array;
  readonly sizes: Float64Array;
  /** Scratch: those still in question. */
  readonly candidates: Int32Array;
  /** 0, 1, 2, ... */
  readonly everyone: Int32Array;
  /** Scratch: size of the candidates that have a digit. */
  readonly sums: Float64Array;
}

/** What fits: everything of a value above that of the bits `last` and, of those of this value, a size of `rest`. */
export interface Filling {
  readonly last: number;
  readonly rest: number;
}

export function thingsOf(bits: Int32Array): Things {
  return {
    bits,
    sizes: new Float64Array(bits.length),
    candidates: new Int32Array(bits.length),
    everyone: Int32Array.from(bits.keys()),
    sums: new Float64Array(TOP + 1),
  };
}

/**
 * Fills a knapsack of a capacity that is less than all sizes together. The value at which it overflows is found digit by
 * digit, as in radix sort; only the things that share the digits so far are looked at again. `largest` has the bits of the
 * largest value.
 */
export function fillKnapsack(things: Things, largest: number, capacity: number): Filling {
  const { candidates, everyone, sums } = things;
  candidates.set(everyone);
  let count = candidates.length;
  let rest = capacity;
  let shift = COARSE;
  let offset = Math.max((largest >> COARSE) - TOP, 0);
  for (;;) {
    addUp(things, count, shift, offset);
    let digit = TOP;
    while (digit > 0 && rest >= sums[digit]!) rest -= sums[digit--]!;
    count = keep(things, count, shift, offset, digit);
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
function addUp({ bits, sizes, candidates, sums }: Things, count: number, shift: number, offset: number): void {
  sums.fill(0);
  for (let i = 0; i < count; i++) {
    const k = candidates[i]!;
    sums[Math.max((bits[k]! >> shift) - offset, 0)]! += sizes[k]!;
  }
}

/** Moves the candidates that have this digit to the front; gives their number. */
function keep({ bits, candidates }: Things, count: number, shift: number, offset: number, digit: number): number {
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const k = candidates[i]!;
    if (Math.max((bits[k]! >> shift) - offset, 0) === digit) candidates[kept++] = k;
  }
  return kept;
}
