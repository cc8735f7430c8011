/**
 * The number that would stand at `index` if `values` were sorted upwards; finite ones only. Reorders them: Hoare's
 * quickselect, a few passes where sorting takes a dozen.
 */
export function orderStatistic(values: Float32Array, index: number): number {
  let first = 0;
  let last = values.length - 1;
  while (first < last) {
    const pivot = middleOf(values[first]!, values[(first + last) >> 1]!, values[last]!);
    let i = first;
    let j = last;
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (values[j]! > pivot) j--;
      if (i > j) break;
      const swapped = values[i]!;
      values[i++] = values[j]!;
      values[j--] = swapped;
    }
    // What lies between j and i equals the pivot.
    if (index <= j) last = j;
    else if (index >= i) first = i;
    else break;
  }
  return values[index]!;
}

function middleOf(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}
