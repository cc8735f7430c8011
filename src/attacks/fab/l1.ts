import { sign } from '../float32.ts';
import { type Filling, fillKnapsack, type Things, thingsOf } from './knapsack.ts';
import { NEGLIGIBLE, type Projection } from './projection.ts';
import { reach, sideOf } from './reach.ts';

/** No value is that small: everything fits. */
const ALL: Filling = { last: 0, rest: 0 };

/** Coordinates, [imageSize] each. */
interface Coordinates {
  readonly signs: Float64Array;
  /** |w_i|, the values of things. */
  readonly weights: Float32Array;
  readonly reaches: Float64Array;
  /** Their sizes are by how much w.x falls, |w_i| m_i. */
  readonly things: Things;
}

/**
 * L1: the coordinates with the largest |w_i| go first, each as far as it reaches, until w.x has fallen by c: a knapsack
 * filled greedily. Of equal |w_i| the first coordinates go first.
 */
export function l1Projection(imageSize: number): Projection {
  const weights = new Float32Array(imageSize);
  const coordinates: Coordinates = {
    signs: new Float64Array(imageSize),
    weights,
    reaches: new Float64Array(imageSize),
    things: thingsOf(new Int32Array(weights.buffer)),
  };
  let largest = 0;
  return {
    aim(normal) {
      largest = split(normal, coordinates);
    },
    move(point, excess, move) {
      const side = sideOf(excess);
      const sought = Math.abs(excess);
      const most = measure(point, side, coordinates);
      return go(coordinates, side, most <= sought ? ALL : fillKnapsack(coordinates.things, largest, sought), move);
    },
  };
}

/** Fills in signs and weights; gives the bits of the largest weight. */
function split(normal: Float32Array, { signs, weights, things: { bits } }: Coordinates): number {
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

/** Fills in reaches and falls; gives the sum of these. */
function measure(point: Float32Array, side: number, { signs, weights, reaches, things }: Coordinates): number {
  const { sizes } = things;
  let sum = 0;
  for (let k = 0; k < point.length; k++) {
    const length = reach(point[k]!, side * signs[k]!);
    const fall = weights[k]! * length;
    reaches[k] = length;
    sizes[k] = fall;
    sum += fall;
  }
  return sum;
}

/** Writes the move; gives its length. */
function go(coordinates: Coordinates, side: number, { last, rest }: Filling, move: Float64Array): number {
  const { signs, weights, reaches, things } = coordinates;
  const { bits, sizes } = things;
  let left = rest;
  let length = 0;
  for (let k = 0; k < move.length; k++) {
    let step = 0;
    if (bits[k]! > last) step = reaches[k]!;
    else if (bits[k]! === last && left > 0) {
      step = Math.min(reaches[k]!, left / weights[k]!);
      left -= sizes[k]!;
    }
    // Nothing where the weight is 0, whatever the step.
    move[k] = side * signs[k]! * step;
    length += Math.abs(move[k]!);
  }
  return length;
}
