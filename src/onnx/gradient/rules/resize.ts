import { toNumbers } from '../../../tensor/tensor.ts';
import { type Dim, intOf, intsOf, isBatch, stringOf } from '../../graph.ts';
import { fail } from '../../shapes/operands.ts';
import { adjointCombination } from '../adjoint-index.ts';
import { interpolation } from '../interpolation.ts';
import { sameDims } from '../like.ts';
import { type GradientTable, type InputRule, perInput, type Site } from '../rule.ts';

/** Resize is a linear map along each axis in turn, so its gradient is the transposed maps: small constant matrices. */
const resize: InputRule = (site) => {
  const { builder, node, x, y, dy } = site;
  if (intOf(node, 'antialias', 0) === 1) fail(node, 'no gradient rule for antialiasing');
  if (stringOf(node, 'keep_aspect_ratio_policy', 'stretch') !== 'stretch') {
    fail(node, 'no gradient rule for keeping the aspect ratio');
  }
  const resized = builder.shape(y);
  // Where no size changes onnxruntime copies, whatever the scales.
  if (sameDims(builder.shape(x), resized)) return dy;
  return builder.shape(x).reduce<string>((value, length, axis) => {
    const scale = scaleOf(site, axis, length, resized[axis]!);
    if (isBatch(length) || scale === 1) return value;
    const combinations = interpolation(node, { length, resized: Number(resized[axis]), scale });
    return adjointCombination(builder, value, axis, combinations, length);
  }, dy);
};

/** The scale given for an axis, or the one that its size comes to. */
function scaleOf({ builder, node, inputs, x }: Site, axis: number, from: Dim, to: Dim): number {
  if (isBatch(from) || isBatch(to)) return 1;
  const scales = inputs[2] ? toNumbers(builder.constantOf(inputs[2])!) : [];
  if (scales.length === 0) return to / from;
  const rank = builder.shape(x).length;
  const axes = intsOf(node, 'axes')?.map((other) => (other + rank) % rank) ?? [...Array(rank).keys()];
  return scales[axes.indexOf(axis)] ?? 1;
}

export const RESIZE_RULES: GradientTable = { Resize: perInput(resize) };
