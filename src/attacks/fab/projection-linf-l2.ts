import { sign } from '../../numeric/float32.ts';
import { boxSlack, type HyperplaneProjection, moveDirection, NEGLIGIBLE } from './step.ts';

/** L-infinity: all coordinates move by t, or by all of their slack; sum_i |w_i| min(t, m_i) = c. */
export function projectionLinf(imageSize: number): HyperplaneProjection {
  const signs = new Float64Array(imageSize);
  const terms = waterFillingTerms(imageSize);
  let total = 0;
  return {
    setNormal(normal) {
      total = splitSigns(normal, signs, terms.slopes);
    },
    move(point, excess, move) {
      const direction = moveDirection(excess);
      measureSlacks(point, signs, direction, terms.breaks);
      return moveToLevel(signs, terms.breaks, direction, solveWaterFilling(terms, total, Math.abs(excess)), move);
    },
  };
}

// The loops are functions of the arrays they go through: V8 makes faster code of them than of loops over what a closure holds.

/** Into signs and magnitudes; gives the sum of these. */
function splitSigns(normal: Float32Array, signs: Float64Array, magnitudes: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < normal.length; k++) {
    const w = normal[k]!;
    const magnitude = Math.abs(w);
    signs[k] = sign(w);
    magnitudes[k] = magnitude;
    sum += magnitude;
  }
  return sum;
}

function measureSlacks(point: Float32Array, signs: Float64Array, direction: number, slacks: Float64Array): void {
  for (let k = 0; k < point.length; k++) slacks[k] = boxSlack(point[k]!, direction * signs[k]!);
}

/** Writes the move to `level`; gives its length. */
function moveToLevel(
  signs: Float64Array,
  slacks: Float64Array,
  direction: number,
  level: number,
  move: Float64Array,
): number {
  let longest = 0;
  for (let k = 0; k < move.length; k++) {
    const step = direction * signs[k]! * Math.min(level, slacks[k]!);
    move[k] = step;
    longest = Math.max(longest, Math.abs(step));
  }
  return longest;
}

/** A hyperplane's normal, [imageSize] each. */
interface Normal {
  readonly weights: Float64Array;
  readonly signs: Float64Array;
  /** 1 / |w_i|, once for all moves since divisions are slow; 0 where w_i is 0. */
  readonly inverses: Float64Array;
}

/** L2: coordinates move by t |w_i|, or by all of their slack; sum_i w_i^2 min(t, m_i / |w_i|) = c. */
export function projectionL2(imageSize: number): HyperplaneProjection {
  const [weights, signs, inverses] = [0, 1, 2].map(() => new Float64Array(imageSize));
  const normal: Normal = { weights: weights!, signs: signs!, inverses: inverses! };
  const terms = waterFillingTerms(imageSize);
  let total = 0;
  return {
    setNormal(w) {
      total = splitNormal(w, normal, terms.slopes);
    },
    move(point, excess, move) {
      const direction = moveDirection(excess);
      measureBreaks(point, normal, direction, terms);
      return moveAlongNormal(normal, terms, direction, solveWaterFilling(terms, total, Math.abs(excess)), move);
    },
  };
}

/** Fills in the normal and its squares; gives their sum. */
function splitNormal(normal: Float32Array, { weights, signs, inverses }: Normal, squares: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < normal.length; k++) {
    const w = normal[k]!;
    const weight = Math.abs(w) > NEGLIGIBLE ? w : 0;
    const inverse = weight === 0 ? 0 : 1 / weight;
    weights[k] = weight;
    squares[k] = weight * weight;
    signs[k] = sign(inverse);
    inverses[k] = Math.abs(inverse);
    sum += weight * weight;
  }
  return sum;
}

/** Up to which level each coordinate follows. */
function measureBreaks(
  point: Float32Array,
  { signs, inverses }: Normal,
  direction: number,
  { breaks }: WaterFillingTerms,
): void {
  for (let k = 0; k < point.length; k++) breaks[k] = boxSlack(point[k]!, direction * signs[k]!) * inverses[k]!;
}

/** Writes the move to `level`; gives its length. */
function moveAlongNormal(
  { weights }: Normal,
  { breaks }: WaterFillingTerms,
  direction: number,
  level: number,
  move: Float64Array,
): number {
  let square = 0;
  for (let k = 0; k < move.length; k++) {
    const step = direction * weights[k]! * Math.min(level, breaks[k]!);
    move[k] = step;
    square += step * step;
  }
  return Math.sqrt(square);
}

/** How far beyond a level that is too low the root is looked for: few breaks of an image lie in between. */
const LOOKAHEAD = 1.5;

/** The terms of f in `solveWaterFilling`, [terms] each; neither slopes nor breaks are negative. */
export interface WaterFillingTerms {
  readonly slopes: Float64Array;
  readonly breaks: Float64Array;
  /** Scratch: those whose breaks the level may lie among. */
  readonly nearSlopes: Float64Array;
  readonly nearBreaks: Float64Array;
}

function waterFillingTerms(count: number): WaterFillingTerms {
  const [slopes, breaks, nearSlopes, nearBreaks] = [0, 1, 2, 3].map(() => new Float64Array(count));
  return { slopes: slopes!, breaks: breaks!, nearSlopes: nearSlopes!, nearBreaks: nearBreaks! };
}

/**
 * The least t >= 0 with f(t) = sum_i slopes_i min(t, breaks_i) = excess, or infinity where f stays below: the water level
 * of water-filling. `total` is the sum of the slopes.
 *
 * f rises, is concave and piecewise linear, so Newton's method from below never overshoots. A pass over all terms picks
 * out those with a break between a level known to be too low and one somewhat higher; once the root lies in between,
 * Newton's method goes on with these few alone, and is there as soon as it passes no further break. Newton's steps bring
 * the product of the missing excess and the slope to a quarter or less (as in Dinkelbach's method), so that even the most
 * uneven float32 weights take no more than some hundred passes; images take one or two.
 */
function solveWaterFilling(terms: WaterFillingTerms, total: number, excess: number): number {
  const { slopes, breaks, nearSlopes, nearBreaks } = terms;
  let low = excess / total;
  // No excess, or one too small to make a float64 level.
  if (!(low > 0)) return 0;
  for (;;) {
    const high = low * LOOKAHEAD;
    let filled = 0;
    let filling = 0;
    let open = 0;
    let near = 0;
    for (let k = 0; k < slopes.length; k++) {
      const breakpoint = breaks[k]!;
      const slope = slopes[k]!;
      if (breakpoint > high) open += slope;
      else if (breakpoint <= low) filled += slope * breakpoint;
      else {
        filling += slope * breakpoint;
        nearSlopes[near] = slope;
        nearBreaks[near++] = breakpoint;
      }
    }
    if (filled + filling + open * high >= excess) return solveNear(terms, near, excess - filled, open, low);
    if (open === 0) return Number.POSITIVE_INFINITY;
    // Not below `high` but by rounding.
    low = Math.max(high, (excess - filled - filling) / open);
  }
}

/** Newton's method on the near terms beside the slopes that stay `open`, from a level below all their breaks. */
function solveNear(
  { nearSlopes, nearBreaks }: WaterFillingTerms,
  near: number,
  excess: number,
  open: number,
  low: number,
): number {
  let level = low;
  for (let known = -1; ; ) {
    let filled = 0;
    let slope = open;
    let full = 0;
    for (let k = 0; k < near; k++) {
      if (nearBreaks[k]! > level) slope += nearSlopes[k]!;
      else {
        filled += nearSlopes[k]! * nearBreaks[k]!;
        full++;
      }
    }
    if (full === known) return level;
    if (slope === 0) return Number.POSITIVE_INFINITY;
    level = Math.max(level, (excess - filled) / slope);
    known = full;
  }
}
