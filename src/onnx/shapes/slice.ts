import { type Dim, formatDims, isBatch, type Node } from '../graph.ts';
import { add, atMost, compare, subtract } from './dims.ts';
import { fail } from './operands.ts';

/** The bounds of a Slice, one entry per axis cut. https://onnx.ai/onnx/operators/onnx__Slice.html */
export interface Bounds {
  readonly starts: readonly Dim[];
  readonly ends: readonly Dim[];
  readonly axes: readonly number[];
  readonly steps: readonly number[];
}

/** From here on an end means "as far as it goes": exports write INT32_MAX or INT64_MAX. */
const ENDLESS = 2 ** 31 - 1;

export function slicedDims(node: Node, dims: readonly Dim[], { starts, ends, axes, steps }: Bounds): readonly Dim[] {
  const result = [...dims];
  axes.forEach((axis, index) => {
    const dim = dims[axis]!;
    const [start, end, step] = [starts[index]!, ends[index]!, steps[index]!];
    if (step === 0) fail(node, 'a step of 0');
    if (isBatch(dim)) result[axis] = batchLength(node, dims, dim, start, end, step);
    else if (isBatch(start) || isBatch(end)) fail(node, `axis ${axis} of ${formatDims(dims)} is cut at the batch size`);
    else result[axis] = range(dim, start, end, step).length;
  });
  return result;
}

/**
 * First index and count of a slice of an axis of this length. Bounds out of range are brought to its ends, a backward
 * start to the first element: unlike numpy, where it would leave nothing.
 */
export function range(length: number, start: number, end: number, step: number): { first: number; length: number } {
  const clamp = (bound: number, low: number, high: number) =>
    Math.min(Math.max(bound < 0 ? bound + length : bound, low), high);
  const first = step > 0 ? clamp(start, 0, length) : clamp(start, 0, length - 1);
  const last = step > 0 ? clamp(end, 0, length) : clamp(end, -1, length - 1);
  return { first, length: Math.max(0, Math.ceil((last - first) / step)) };
}

/** Of an axis of k N, what can be cut for every N: whole multiples of N, and the first few. */
function batchLength(node: Node, dims: readonly Dim[], dim: Dim, start: Dim, end: Dim, step: number): Dim {
  const first = fromEnd(dim, start);
  const last = !isBatch(end) && end >= ENDLESS ? dim : fromEnd(dim, end);
  const length = step === 1 ? distance(dim, first, last) : undefined;
  return length ?? fail(node, `the batch of ${formatDims(dims)} is cut where it depends on the batch size`);
}

function fromEnd(dim: Dim, bound: Dim): Dim | undefined {
  return compare(bound, 0) === -1 ? add(dim, bound) : bound;
}

/** From `first` to `last`, where both lie on the axis whatever the batch size is. */
function distance(dim: Dim, first: Dim | undefined, last: Dim | undefined): Dim | undefined {
  if (first === undefined || last === undefined) return undefined;
  return atMost(last, dim) ? subtract(last, first) : undefined;
}
