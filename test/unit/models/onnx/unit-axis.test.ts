import { describe, expect, it } from 'vitest';
import { graphValues } from '../../../../src/models/onnx/graph-values.ts';
import { namedLayer, offeredLayers } from '../../../../src/models/onnx/layers.ts';
import { unitAxes } from '../../../../src/models/onnx/unit-axis.ts';
import { float32, sizeOf } from '../../../../src/numeric/tensor.ts';
import { GraphBuilder } from '../../../../src/onnx/builder.ts';

const N = { batch: 1 };

/** The axis of units of `x` [N, ...dims] in the graph that `append` makes of it. */
function axisOf(dims: readonly number[], append: (builder: GraphBuilder, x: string) => string): number | undefined {
  const builder = new GraphBuilder();
  const result = append(builder, builder.input('x', [N, ...dims]));
  return unitAxes(graphValues(builder.build([result]).graph))('x');
}

function weights(builder: GraphBuilder, ...dims: readonly number[]): string {
  return builder.initializer(builder.fresh('w'), float32(dims, new Float32Array(sizeOf(dims)).fill(0.5)));
}

const norm = (builder: GraphBuilder, x: string, axis: number, width: readonly number[]) =>
  builder.op('LayerNormalization', [x, weights(builder, ...width), weights(builder, ...width)], { axis });

describe('the axis of units', () => {
  it('is that of channels where a convolution, a pooling or a BatchNormalization reads or gives the value', () => {
    const conv = (builder: GraphBuilder, x: string) => builder.op('Conv', [x, weights(builder, 5, 6, 1, 1)]);
    expect(axisOf([6, 6, 6], conv)).toBe(1);
    expect(axisOf([6, 6], (builder, x) => builder.op('Conv', [x, weights(builder, 5, 6, 1)]))).toBe(1);
    expect(axisOf([6, 6, 6], (builder, x) => builder.op('GlobalAveragePool', [builder.op('Relu', [x])]))).toBe(1);
    const batchNorm = (builder: GraphBuilder, x: string) =>
      builder.op('BatchNormalization', [x, ...[1, 2, 3, 4].map(() => weights(builder, 6))]);
    expect(axisOf([6, 6], batchNorm)).toBe(1);
  });

  it('is the last where weights mix it, or a norm is over it alone', () => {
    expect(axisOf([4, 4], (builder, x) => builder.op('MatMul', [x, weights(builder, 4, 4)]))).toBe(2);
    expect(axisOf([4, 4, 4], (builder, x) => norm(builder, x, -1, [4]))).toBe(3);
    expect(axisOf([4, 4, 4], (builder, x) => norm(builder, x, 1, [4, 4, 4]))).toBeUndefined();
    expect(axisOf([4, 4], (builder, x) => builder.op('MatMul', [weights(builder, 4, 4), x]))).toBe(1);
  });

  it('is that of a bias or a scale, one number a unit', () => {
    expect(axisOf([4, 4, 4], (builder, x) => builder.op('Add', [x, weights(builder, 4)]))).toBe(3);
    expect(axisOf([4, 4, 4], (builder, x) => builder.op('Mul', [x, weights(builder, 4, 1, 1)]))).toBe(1);
    expect(axisOf([4, 4, 4], (builder, x) => builder.op('Mul', [x, builder.constant(2)]))).toBeUndefined();
    // Of a position: two axes.
    expect(axisOf([4, 4], (builder, x) => builder.op('Add', [x, weights(builder, 1, 4, 4)]))).toBeUndefined();
  });

  it('is heard beyond element-wise nodes first, beyond transposes and reshapes where those are silent', () => {
    const moved = (builder: GraphBuilder, x: string) => {
      const tokens = builder.reshape(builder.op('Transpose', [x], { perm: [0, 2, 3, 1] }), [N, 16, 5]);
      return builder.op('MatMul', [builder.op('Relu', [tokens]), weights(builder, 5, 2)]);
    };
    expect(axisOf([5, 4, 4], moved)).toBe(1);
    const pooled = (builder: GraphBuilder, x: string) =>
      builder.op('Gemm', [
        builder.op('ReduceMean', [x, builder.ints([1, 2])], { keepdims: 0 }),
        weights(builder, 4, 2),
      ]);
    expect(axisOf([4, 4, 4], pooled)).toBe(3);
    // MLP-Mixer mixes tokens as well: a value is its own norm's.
    const mixer = (builder: GraphBuilder, x: string) => {
      const across = builder.op('Transpose', [norm(builder, x, -1, [4])], { perm: [0, 2, 1] });
      return builder.op('MatMul', [across, weights(builder, 4, 4)]);
    };
    expect(axisOf([4, 4], mixer)).toBe(2);
  });

  it('is not told by two that contradict each other, nor by none; and needs no telling where one axis is wide', () => {
    const both = (builder: GraphBuilder, x: string) => {
      const pooled = builder.op('GlobalAveragePool', [x]);
      return builder.op('Add', [norm(builder, x, -1, [4]), pooled]);
    };
    expect(axisOf([4, 4, 4], both)).toBeUndefined();
    expect(axisOf([4, 4, 4], (builder, x) => builder.op('Softmax', [x], { axis: -1 }))).toBeUndefined();
    expect(axisOf([4, 1, 1], (builder, x) => builder.op('Softmax', [x], { axis: 1 }))).toBe(1);
    expect(axisOf([4], (builder, x) => builder.op('Softmax', [x], { axis: 1 }))).toBe(1);
  });
});

describe('layers that are offered', () => {
  it('leave out what depends on no image, folds the batch, or has no known axis, and do not fail on it', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [N, 4, 4, 4]);
    const named = (value: string, name: string) => builder.op('Identity', [value], {}, { outputs: [name] });
    const bias = builder.op('Relu', [weights(builder, 4, 4)], {}, { outputs: ['bias'] });
    const folded = builder.op('Sigmoid', [builder.reshape(x, [{ batch: 4 }, 4, 4])], {}, { outputs: ['folded'] });
    const scaled = builder.op('Mul', [builder.reshape(folded, [N, 4, 4, 4]), named(bias, 'same')]);
    const untold = builder.op('Tanh', [scaled], {}, { outputs: ['untold'] });
    const flat = builder.op('Flatten', [untold], { axis: 1 });
    const logits = builder.op('Gemm', [flat, weights(builder, 64, 3)]);
    const offered = offeredLayers(builder.build([logits]).graph, logits, () => true);
    expect(offered.layers.map(({ name, kind }) => [name, kind])).toEqual([[flat, 'features']]);
    expect(offered.notes).toEqual([
      'values that need "layerAxis" to be layers, for the graph does not tell it: untold (1)',
    ]);
  });

  it('are one value where a function takes several nodes', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [N, 4, 8, 8]);
    const conv = (value: string) => builder.op('Conv', [value, weights(builder, 4, 4, 1, 1)]);
    const first = conv(x);
    const silu = builder.op('Mul', [first, builder.op('Sigmoid', [first])]);
    const second = conv(silu);
    const erf = builder.op('Erf', [builder.op('Div', [second, builder.constant(Math.SQRT2)])]);
    const half = builder.op('Mul', [second, builder.op('Add', [erf, builder.constant(1)])]);
    const gelu = builder.op('Mul', [half, builder.constant(0.5)]);
    const gate = builder.op('Sigmoid', [conv(gelu)]);
    const gated = builder.op('Mul', [gelu, gate]);
    const capped = builder.op('Clip', [conv(gated), builder.constant(0), builder.constant(6)]);
    const logits = builder.op('Gemm', [builder.op('Flatten', [capped], { axis: 1 }), weights(builder, 256, 3)]);
    const { layers } = offeredLayers(builder.build([logits]).graph, logits, () => true);
    const activations = layers.filter(({ kind }) => kind === 'activation').map(({ tensor }) => tensor);
    expect(activations).toEqual([silu, gelu, gate, capped]);
  });
});

describe('a layer that is named', () => {
  it('is one value an image', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [N, 4, 4]);
    const folded = builder.op('Relu', [builder.reshape(x, [{ batch: 4 }, 4])], {}, { outputs: ['folded'] });
    const { graph } = builder.build([builder.reshape(folded, [N, 4, 4])]);
    expect(() => namedLayer('here', 'folded', graph, undefined)).toThrow(
      'layer "here" is [4·N, 4]: masks act on one value an image, [N, D], [N, D, H, W] or [N, T, D]',
    );
  });
});
