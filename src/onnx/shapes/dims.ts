import { type Dim, isBatch } from '../graph.ts';

/**
 * Arithmetic on dimensions. A dimension is a number or k times the batch N, and N >= 1 is all that is known of N; what
 * cannot be said in that form (N squared, N + 1) is undefined.
 */

/** k times the batch; zero times the batch is the number zero, and half of it no dimension. */
function batches(k: number): Dim | undefined {
  if (!Number.isInteger(k)) return undefined;
  return k === 0 ? 0 : { batch: k };
}

/** The dimensions as numbers; undefined where the batch is among them. */
export function numbersIn(dims: ArrayLike<Dim>): number[] | undefined {
  const numbers = Array.from(dims);
  return numbers.every((dim) => typeof dim === 'number') ? numbers : undefined;
}

export function add(a: Dim, b: Dim): Dim | undefined {
  if (isBatch(a) && isBatch(b)) return batches(a.batch + b.batch);
  if (isBatch(a)) return b === 0 ? a : undefined;
  if (isBatch(b)) return a === 0 ? b : undefined;
  return a + b;
}

export function subtract(a: Dim, b: Dim): Dim | undefined {
  const negated = multiply(b, -1);
  return negated === undefined ? undefined : add(a, negated);
}

export function multiply(a: Dim, b: Dim): Dim | undefined {
  if (isBatch(a)) return isBatch(b) ? undefined : batches(a.batch * b);
  return isBatch(b) ? batches(a * b.batch) : a * b;
}

/** The quotient where it is whole for every batch size, undefined otherwise. */
export function divide(a: Dim, b: Dim): Dim | undefined {
  const quotient = coefficient(a) / coefficient(b);
  if (!Number.isInteger(quotient)) return undefined;
  if (isBatch(a)) return isBatch(b) ? quotient : batches(quotient);
  return isBatch(b) && a !== 0 ? undefined : quotient;
}

/** The number of elements of a shape; undefined where the batch is in it twice. */
export function product(dims: readonly Dim[]): Dim | undefined {
  return dims.reduce<Dim | undefined>((total, dim) => (total === undefined ? total : multiply(total, dim)), 1);
}

/** -1, 0 or 1 where a is smaller, equal or larger for every batch size; undefined where that depends on it. */
export function compare(a: Dim, b: Dim): number | undefined {
  if (isBatch(a) === isBatch(b))
    return coefficient(a) === coefficient(b) ? 0 : coefficient(a) < coefficient(b) ? -1 : 1;
  if (isBatch(b)) {
    const reversed = compare(b, a);
    return reversed === undefined ? reversed : -reversed;
  }
  // k N >= k for a positive k, since N >= 1.
  const k = coefficient(a);
  return k > 0 && k > coefficient(b) ? 1 : undefined;
}

/** Whether a <= b for every batch size. */
export function atMost(a: Dim, b: Dim): boolean {
  return isBatch(a) && !isBatch(b) ? false : coefficient(a) <= coefficient(b);
}

/**
 * The shape that numpy's broadcasting gives; undefined where the two do not fit.
 * https://github.com/onnx/onnx/blob/main/docs/Broadcasting.md
 */
export function broadcast(a: readonly Dim[], b: readonly Dim[]): Dim[] | undefined {
  const rank = Math.max(a.length, b.length);
  const dims: Dim[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const dim = broadcastDim(a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1);
    if (dim === undefined) return undefined;
    dims.push(dim);
  }
  return dims;
}

function broadcastDim(a: Dim, b: Dim): Dim | undefined {
  if (a === 1) return b;
  return b === 1 || compare(a, b) === 0 ? a : undefined;
}

function coefficient(dim: Dim): number {
  return isBatch(dim) ? dim.batch : dim;
}
