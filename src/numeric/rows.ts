/** Rows of flat arrays: `values` [n, size], row-major. */

/** A view of one row. */
export function rowOf(values: Float32Array, row: number, size: number): Float32Array {
  return values.subarray(row * size, (row + 1) * size);
}

/** Copies of these rows, one after the other: [rows.length, size]. */
export function gatherRows(values: Float32Array, rows: readonly number[], size: number): Float32Array {
  return stackRows(
    rows.map((row) => rowOf(values, row, size)),
    size,
  );
}

/** Rows of `size` numbers, one after the other: [rows.length, size]. */
export function stackRows(rows: readonly Float32Array[], size: number): Float32Array {
  const values = new Float32Array(rows.length * size);
  for (const [i, row] of rows.entries()) values.set(row, i * size);
  return values;
}
