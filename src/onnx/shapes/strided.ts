/** Row-major layouts: how far apart neighbours along each axis lie. */
export function stridesOf(dims: readonly number[]): number[] {
  const strides = Array<number>(dims.length).fill(1);
  for (let axis = dims.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * dims[axis + 1]!;
  return strides;
}

/**
 * Where each element of a view of shape `dims` lies in the array it views, in row-major order of the view. Permuted
 * strides transpose, a stride of 0 repeats, a multiple of a stride steps, an offset crops.
 */
export function positions(dims: readonly number[], strides: readonly number[], offset = 0): Int32Array {
  let found = Int32Array.of(offset);
  dims.forEach((length, axis) => {
    const inner = new Int32Array(found.length * length);
    let next = 0;
    for (const base of found)
      for (let index = 0; index < length; index++) inner[next++] = base + index * strides[axis]!;
    found = inner;
  });
  return found;
}

/** Where each element of a value broadcast from `dims` to `target` lies. */
export function broadcastPositions(dims: readonly number[], target: readonly number[]): Int32Array {
  const lead = target.length - dims.length;
  const strides = stridesOf(dims);
  return positions(
    target,
    target.map((_, axis) => (axis < lead || dims[axis - lead] === 1 ? 0 : strides[axis - lead]!)),
  );
}
