import { filled, sizeOf } from '../../../numeric/tensor.ts';
import type { AttributeLike } from '../../builder.ts';
import { intOf, intsOf } from '../../graph.ts';
import { staticDims } from '../../shapes/operands.ts';
import { type Windows, windowsOf } from '../../shapes/windows.ts';
import { adjointConvolution } from '../adjoint-convolution.ts';
import { type GradientTable, type InputRule, perInput, type RuleSite } from '../rule.ts';
import { reshapeLike, spatialSizes, zerosLike } from '../shape-helpers.ts';

/** The windows of a pool over x. */
function windowsAt({ builder, node, x }: RuleSite): Windows {
  return windowsOf(node, spatialSizes(builder, node, x), intsOf(node, 'kernel_shape')!);
}

/** Adds `weight` times the value of each window to all elements of the window: the adjoint of a convolution by a constant. */
function spread(site: RuleSite, windows: Windows, value: string, weight: number): string {
  const { builder, node, x } = site;
  const [channels] = staticDims(node, builder.shape(x).slice(1, 2), 'channels') as [number];
  const dims = [channels, 1, ...windows.kernel];
  const ones = builder.initializer(builder.fresh('window'), filled(dims, weight));
  const size = spatialSizes(builder, node, x);
  return adjointConvolution(builder, value, { weight: ones, group: channels, windows, size });
}

const averagePool: InputRule = (site) => {
  const { builder, mul, dy } = site;
  const windows = windowsAt(site);
  if (isTiling(site, windows)) return repeat(site, windows);
  const counts = countsOf(site, windows);
  if (counts.every((count) => count === counts[0])) return spread(site, windows, dy, 1 / counts[0]!);
  const shares = builder.constant(
    counts.map((count) => 1 / count),
    [1, 1, ...windows.output],
  );
  return spread(site, windows, mul(dy, shares), 1);
};

/** Whether every element is in one window: then the gradient of a window is repeated, the fastest form there is. */
function isTiling({ builder, node, x }: RuleSite, { kernel, strides, dilations, output, padsBegin }: Windows): boolean {
  return spatialSizes(builder, node, x).every(
    (size, axis) =>
      kernel[axis] === strides[axis] &&
      dilations[axis] === 1 &&
      padsBegin[axis] === 0 &&
      size === output[axis]! * kernel[axis]!,
  );
}

function repeat({ builder, mul, dy }: RuleSite, { kernel }: Windows): string {
  const shares = mul(dy, 1 / sizeOf(kernel));
  return builder.op('Resize', [shares, '', builder.constant([1, 1, ...kernel])], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
}

/** How many elements each window averages, [...output]: all of the kernel, or only those that are no padding. */
function countsOf({ builder, node, x }: RuleSite, windows: Windows): number[] {
  const { kernel, strides, dilations, padsBegin, padsEnd, output } = windows;
  const includesPads = intOf(node, 'count_include_pad', 0) === 1;
  const perAxis = spatialSizes(builder, node, x).map((size, axis) => {
    // What hangs over the end by ceil_mode is no padding and never counts.
    const [low, high] = includesPads ? [-padsBegin[axis]!, size + padsEnd[axis]!] : [0, size];
    return Array.from({ length: output[axis]! }, (_, step) => {
      const first = step * strides[axis]! - padsBegin[axis]!;
      const places = Array.from({ length: kernel[axis]! }, (_, tap) => first + tap * dilations[axis]!);
      return places.filter((place) => place >= low && place < high).length;
    });
  });
  return perAxis.reduce<number[]>((counts, axisCounts) => counts.flatMap((a) => axisCounts.map((b) => a * b)), [1]);
}

const globalAveragePool: InputRule = ({ builder, node, mul, x, dy }) => {
  const size = spatialSizes(builder, node, x);
  const count = sizeOf(size);
  return mul(dy, builder.constant(new Float32Array(count).fill(1 / count), [1, 1, ...size]));
};

/** MaxPool tells where each maximum was (of equal ones the first, as in PyTorch); the gradient goes there. */
function scatterToMaxima({ builder, x, dy }: RuleSite, attributes: Readonly<Record<string, AttributeLike>>): string {
  const flat = (value: string) => builder.op('Reshape', [value, builder.ints([-1])]);
  const outputs = [builder.fresh('maxima'), builder.fresh('indices')];
  const indices = builder.ops('MaxPool', [x], { outputs, attributes })[1]!;
  const operands = [zerosLike(builder, x), indices, dy].map(flat);
  return reshapeLike(builder, builder.op('ScatterElements', operands, { axis: 0, reduction: 'add' }), x);
}

const maxPool: InputRule = (site) => scatterToMaxima(site, { ...site.node.attributes, storage_order: 0 });

const globalMaxPool: InputRule = (site) =>
  scatterToMaxima(site, { kernel_shape: spatialSizes(site.builder, site.node, site.x) });

/** (sum |x|^p)^(1/p): sign(x) |x|^(p - 1) y^(1 - p), and 0 where a window is all zeros. */
const lpPool: InputRule = (site) => {
  const { mul, masked, pow, abs, sign, reciprocalOrZero, node, x, y, dy } = site;
  const power = intOf(node, 'p', 2) - 1;
  const scaled = masked(dy, pow(reciprocalOrZero(y), power));
  return mul(mul(sign(x), pow(abs(x), power)), spread(site, windowsAt(site), scaled, 1));
};

export const POOLING_RULES: GradientTable = {
  AveragePool: perInput(averagePool),
  GlobalAveragePool: perInput(globalAveragePool),
  MaxPool: perInput(maxPool),
  GlobalMaxPool: perInput(globalMaxPool),
  LpPool: perInput(lpPool),
};
