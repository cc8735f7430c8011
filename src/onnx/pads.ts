import { toNumbers } from '../numeric/tensor.ts';
import type { GraphBuilder } from './builder.ts';
import type { Node } from './graph.ts';

/**
 * Pads [2 * rank] for all axes, from those for some. A Pad with `axes` is never written: the transpose optimiser of
 * onnxruntime 1.30 moves a Transpose through it as if its pads were for all axes, and ends with "indices element out of
 * data bounds".
 *
 * @param pads counts before each of `axes`, then after each
 */
function fullLengthPads(rank: number, axes: readonly number[], pads: readonly number[]): number[] {
  const full = Array<number>(2 * rank).fill(0);
  axes.forEach((axis, index) => {
    const place = axis < 0 ? axis + rank : axis;
    full[place] = pads[index]!;
    full[place + rank] = pads[index + axes.length]!;
  });
  return full;
}

/** Appends a Pad with zeros along some axes; negative counts crop. */
export function padAxes(
  builder: GraphBuilder,
  value: string,
  axes: readonly number[],
  pads: readonly number[],
): string {
  return builder.op('Pad', [value, builder.ints(fullLengthPads(builder.shape(value).length, axes, pads))]);
}

/** A Pad of some axes as one of all. */
export function padOfAllAxes(node: Node, builder: GraphBuilder): Node {
  const [value = '', ...rest] = node.inputs;
  const [pads, fill = '', axes] = rest;
  const [counts, along] = [pads, axes].map((name) => name && builder.constantOf(name));
  // What is not known here is refused by the rule for its shape.
  if (!counts || !along) return node;
  const full = fullLengthPads(builder.shape(value).length, toNumbers(along), toNumbers(counts));
  return { ...node, inputs: [value, builder.ints(full), ...(fill === '' ? [] : [fill])] };
}
