/** A coordinate that may move: against the sign of its weight, by its slack at most. */
interface Coordinate {
  readonly index: number;
  readonly weight: number;
  readonly direction: number;
  readonly slack: number;
}

/** The projections of `src/attacks/fab` in the plainest way, by sorting; in float64. */
export function sortedProjection(
  norm: 'Linf' | 'L2' | 'L1',
  x: ArrayLike<number>,
  w: Float32Array,
  excess: number,
): number[] {
  const side = excess >= 0 ? 1 : -1;
  // The original leaves such weights out, but in L-infinity.
  const negligible = norm === 'Linf' ? 0 : 1e-8;
  const coordinates = [...w.keys()]
    .filter((k) => Math.abs(w[k]!) > negligible)
    .map((k) => ({
      index: k,
      weight: Math.abs(w[k]!),
      direction: w[k]! * side > 0 ? -1 : 1,
      slack: w[k]! * side > 0 ? x[k]! : 1 - x[k]!,
    }));
  const lengths = norm === 'L1' ? greedy(coordinates, Math.abs(excess)) : levelled(norm, coordinates, Math.abs(excess));
  const move = new Array<number>(w.length).fill(0);
  for (const [i, { index, direction }] of coordinates.entries()) move[index] = direction * lengths[i]!;
  return move;
}

/** The largest weights first, as far as their slack goes; of equal ones the first. */
function greedy(coordinates: readonly Coordinate[], excess: number): number[] {
  const lengths = coordinates.map(() => 0);
  let left = excess;
  const order = [...coordinates.keys()].sort((a, b) => coordinates[b]!.weight - coordinates[a]!.weight || a - b);
  for (const i of order) {
    const { weight, slack } = coordinates[i]!;
    lengths[i] = Math.min(slack, left / weight);
    left = Math.max(0, left - weight * slack);
  }
  return lengths;
}

/** All the same multiple of 1 (L-infinity) or of their weight (L2), where they slack that far. */
function levelled(norm: 'Linf' | 'L2', coordinates: readonly Coordinate[], excess: number): number[] {
  const rate = ({ weight }: Coordinate) => (norm === 'Linf' ? 1 : weight);
  const order = [...coordinates].sort((a, b) => a.slack / rate(a) - b.slack / rate(b));
  // Falls of the coordinates that slack no farther than the i-th, and what those after it add for each unit of the level.
  let level = Number.POSITIVE_INFINITY;
  let filled = 0;
  for (const [i, coordinate] of order.entries()) {
    const open = order.slice(i).reduce((sum, each) => sum + each.weight * rate(each), 0);
    if (filled + (open * coordinate.slack) / rate(coordinate) >= excess) {
      level = (excess - filled) / open;
      break;
    }
    filled += coordinate.weight * coordinate.slack;
  }
  return coordinates.map((coordinate) => Math.min(coordinate.slack, level * rate(coordinate)));
}
