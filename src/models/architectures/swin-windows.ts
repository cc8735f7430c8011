/**
 * Which token goes where when a Swin transformer (Liu et al., arXiv:2103.14030) cuts a map of tokens into windows. Tokens are
 * counted along the rows of the map; what is added to fill the last windows is counted after them.
 */

/** Windows over one stage's map of tokens. */
export interface WindowPlan {
  readonly height: number;
  readonly width: number;
  /** Side of a window. */
  readonly window: number;
  /** How far the map is rolled up and left before it is cut. */
  readonly shift: number;
}

/** Sizes of the map once it is filled up to whole windows. */
function filledSize({ height, width, window }: WindowPlan): readonly [number, number] {
  const whole = (length: number) => Math.ceil(length / window) * window;
  return [whole(height), whole(width)];
}

/** The token at each place of the windows, window by window: a permutation of all tokens, fillers among them. */
export function windowOrder(plan: WindowPlan): number[] {
  const { height, width, shift } = plan;
  let filler = height * width;
  return placesOf(plan).map(([row, column]) => {
    // The map is rolled before it is filled up, as in timm.
    if (row < height && column < width) return ((row + shift) % height) * width + ((column + shift) % width);
    return filler++;
  });
}

/** For each place of `order` the position that holds it: the permutation back. */
export function inverse(order: readonly number[]): number[] {
  const back = Array<number>(order.length);
  order.forEach((token, place) => {
    back[token] = place;
  });
  return back;
}

/** What is added to a score between tokens that only the roll has brought together. */
const APART = -100;

/** [windows, T, T]: 0 between tokens of one region of the map, -100 between others. */
export function windowMask(plan: WindowPlan): Float32Array {
  const { window, shift } = plan;
  const [height, width] = filledSize(plan);
  const band = (at: number, length: number) => (at < length - window ? 0 : at < length - shift ? 1 : 2);
  const regions = placesOf(plan).map(([row, column]) => 3 * band(row, height) + band(column, width));
  const area = window * window;
  return Float32Array.from({ length: regions.length * area }, (_, index) => {
    const place = Math.floor(index / area);
    const other = Math.floor(place / area) * area + (index % area);
    return regions[place] === regions[other] ? 0 : APART;
  });
}

/** [T, T]: the row of the table of biases, one for each way two places of a window lie to each other. */
export function relativePositions(window: number): number[] {
  const area = window * window;
  return Array.from({ length: area * area }, (_, index) => {
    const [from, to] = [Math.floor(index / area), index % area];
    const rows = Math.floor(from / window) - Math.floor(to / window) + window - 1;
    const columns = (from % window) - (to % window) + window - 1;
    return rows * (2 * window - 1) + columns;
  });
}

/** Row and column, in the rolled and filled map, of each place of the windows. */
function placesOf(plan: WindowPlan): [number, number][] {
  const { window } = plan;
  const [height, width] = filledSize(plan);
  const places: [number, number][] = [];
  for (let top = 0; top < height; top += window)
    for (let left = 0; left < width; left += window)
      for (let at = 0; at < window * window; at++) places.push([top + Math.floor(at / window), left + (at % window)]);
  return places;
}
