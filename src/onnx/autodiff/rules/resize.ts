import { toNumbers } from '../../../numeric/tensor.ts';
import { type Dim, floatOf, intOf, intsOf, isBatch, type Node, stringOf } from '../../graph.ts';
import { fail } from '../../shapes/operands.ts';
import { adjointCombination, type Combination } from '../adjoint-index.ts';
import { type GradientTable, type InputRule, perInput, type RuleSite } from '../rule.ts';
import { sameDims } from '../shape-helpers.ts';

/**
 * What Resize makes each element of an axis from. Positions are computed in float32, as onnxruntime does: which of two
 * neighbours is nearest may hang on a rounding. https://onnx.ai/onnx/operators/onnx__Resize.html (19)
 */
function interpolation(node: Node, axis: Axis): readonly Combination[] {
  const mode = stringOf(node, 'mode', 'nearest');
  const coordinates = stringOf(node, 'coordinate_transformation_mode', 'half_pixel');
  const position = POSITIONS[coordinates] ?? fail(node, `no gradient rule for coordinates "${coordinates}"`);
  const combine = MODES[mode] ?? fail(node, `no gradient rule for mode "${mode}"`);
  return Array.from({ length: axis.resized }, (_, j) => combine(node, position(j, axis), axis.length));
}

export interface Axis {
  readonly length: number;
  readonly resized: number;
  readonly scale: number;
}

const f32 = Math.fround;

const halfPixel = (j: number, { scale }: Axis, offset = 0) => f32(f32(offset + f32((j + 0.5) / f32(scale))) - 0.5);

/** Where in the input element j of the output lies. */
const POSITIONS: Readonly<Record<string, (j: number, axis: Axis) => number>> = {
  half_pixel: halfPixel,
  pytorch_half_pixel: (j, axis) => (axis.resized > 1 ? halfPixel(j, axis) : 0),
  // Where scale * length is no whole number, the output is centred on the input.
  half_pixel_symmetric: (j, axis) => {
    const adjustment = f32(axis.resized / f32(f32(axis.scale) * axis.length));
    return halfPixel(j, axis, f32((axis.length / 2) * f32(1 - adjustment)));
  },
  align_corners: (j, { length, resized }) => (resized > 1 ? f32(f32(j * (length - 1)) / (resized - 1)) : 0),
  asymmetric: (j, { scale }) => f32(j / f32(scale)),
};

const NEAREST: Readonly<Record<string, (position: number) => number>> = {
  round_prefer_floor: (position) => Math.ceil(f32(position - 0.5)),
  round_prefer_ceil: (position) => Math.floor(f32(position + 0.5)),
  floor: Math.floor,
  ceil: Math.ceil,
};

const clamp = (place: number, length: number) => Math.min(Math.max(place, 0), length - 1);

const MODES: Readonly<Record<string, (node: Node, position: number, length: number) => Combination>> = {
  nearest(node, position, length) {
    const mode = stringOf(node, 'nearest_mode', 'round_prefer_floor');
    const nearest = NEAREST[mode] ?? fail(node, `no gradient rule for nearest mode "${mode}"`);
    return { places: [clamp(nearest(position), length)], weights: [1] };
  },
  linear(_, position, length) {
    const inside = clamp(position, length);
    const low = Math.floor(inside);
    return { places: [low, clamp(low + 1, length)], weights: [1 - (inside - low), inside - low] };
  },
  cubic(node, position, length) {
    const base = Math.floor(position);
    const taps = [base - 1, base, base + 1, base + 2];
    const weights = cubicWeights(position - base, floatOf(node, 'cubic_coeff_a', -0.75));
    const places = taps.map((tap) => clamp(tap, length));
    if (intOf(node, 'exclude_outside', 0) === 0) return { places, weights };
    const inside = weights.map((weight, tap) => (places[tap] === taps[tap] ? weight : 0));
    const total = inside.reduce((sum, weight) => sum + weight, 0);
    return { places, weights: inside.map((weight) => weight / total) };
  },
};

/** Keys' cubic convolution at distances 1 + t, t, 1 - t and 2 - t. */
function cubicWeights(t: number, a: number): number[] {
  const near = (d: number) => ((a + 2) * d - (a + 3)) * d * d + 1;
  const far = (d: number) => ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  return [far(1 + t), near(t), near(1 - t), far(2 - t)];
}

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
function scaleOf({ builder, node, inputs, x }: RuleSite, axis: number, from: Dim, to: Dim): number {
  if (isBatch(from) || isBatch(to)) return 1;
  const scales = inputs[2] ? toNumbers(builder.constantOf(inputs[2])!) : [];
  if (scales.length === 0) return to / from;
  const rank = builder.shape(x).length;
  const axes = intsOf(node, 'axes')?.map((other) => (other + rank) % rank) ?? [...Array(rank).keys()];
  return scales[axes.indexOf(axis)] ?? 1;
}

export const RESIZE_RULES: GradientTable = { Resize: perInput(resize) };
