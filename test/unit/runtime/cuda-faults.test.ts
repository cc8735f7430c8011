import { describe, expect, it, test } from 'vitest';
import { LOSS_NAMES } from '../../../src/attacks/core/losses.ts';
import { appendLoss } from '../../../src/evaluation/onnx-model.ts';
import { float32 } from '../../../src/numeric/tensor.ts';
import { appendGradient, COTANGENT } from '../../../src/onnx/autodiff/vjp.ts';
import { type AttributeLike, float, GraphBuilder } from '../../../src/onnx/builder.ts';
import type { Model } from '../../../src/onnx/graph.ts';
import { SHAPE_RULES } from '../../../src/onnx/shapes/infer.ts';
import { CUDA_FAULTS } from '../../../src/runtime/devices/cuda-faults.ts';
import { forDevice } from '../../../src/runtime/devices/for-device.ts';
import { hasCudaKernel } from '../../support/cuda-kernels.ts';
import { FAMILIES, modelOf, readCases, relativeDifference, runOnce, uniform } from '../onnx/autodiff/support.ts';
import { opsOf } from '../onnx/support/models.ts';

/** As against PyTorch: test/unit/onnx/autodiff/pytorch.test.ts. */
const TOLERANCE = 1e-5;

const BATCH = 3;

type Append = (builder: GraphBuilder, x: string) => string;

const op =
  (name: string, attributes: Record<string, AttributeLike> = {}): Append =>
  (builder, x) =>
    builder.op(name, [x], attributes);

const transposed =
  (attributes: Record<string, AttributeLike>): Append =>
  (builder, x) =>
    builder.op('ConvTranspose', [x, builder.initializer('w', uniform('w', [2, 3, 3, 4]))], attributes);

/** Of every op that is written otherwise: x without the batch, and the node. */
const EXAMPLES: Readonly<Record<string, { readonly dims: readonly number[]; readonly append: Append }>> = {
  Gelu: { dims: [10], append: op('Gelu') },
  'Gelu, tanh': { dims: [10], append: op('Gelu', { approximate: 'tanh' }) },
  Celu: { dims: [10], append: op('Celu', { alpha: float(0.7) }) },
  Hardmax: { dims: [4, 5], append: op('Hardmax', { axis: 1 }) },
  LpNormalization: { dims: [4, 5], append: op('LpNormalization', { axis: 1, p: 1 }) },
  'LpNormalization, of zeros': {
    dims: [5],
    append: (builder, x) => builder.op('LpNormalization', [builder.op('Mul', [x, builder.constant(0)])]),
  },
  LpPool: { dims: [2, 6, 6], append: op('LpPool', { kernel_shape: [2, 3], pads: [1, 1, 0, 1] }) },
  Mean: { dims: [4], append: (builder, x) => builder.op('Mean', [x, builder.constant([1, 2, 3, 4]), x]) },
  MeanVarianceNormalization: { dims: [3, 4, 4], append: op('MeanVarianceNormalization', { axes: [2, 3] }) },
  Mish: { dims: [10], append: op('Mish') },
  Tan: { dims: [10], append: op('Tan') },
  'ConvTranspose, pads that differ': { dims: [2, 5, 5], append: transposed({ strides: [2, 2], pads: [0, 2, 1, 1] }) },
  'ConvTranspose, padded output': {
    dims: [2, 5, 5],
    append: transposed({ strides: [2, 2], pads: [2, 0, 0, 1], output_padding: [1, 0] }),
  },
  'ConvTranspose, SAME_UPPER': { dims: [2, 5, 5], append: transposed({ strides: [2, 2], auto_pad: 'SAME_UPPER' }) },
  'ConvTranspose, SAME_LOWER': { dims: [2, 5, 5], append: transposed({ strides: [2, 2], auto_pad: 'SAME_LOWER' }) },
};

/** Inputs of the losses. */
const PARAMETERS = {
  labels: float32([BATCH], [0, 1, 2]),
  targets: float32([BATCH], [3, 2, 0]),
  references: uniform('references', [BATCH, 5], 0, 1),
  weights: uniform('weights', [BATCH], 0, 1),
};

/** Logits of 5 classes from [N, 2, 8, 8]: the layers whose gradients take the most ops. */
function appendNetwork(builder: GraphBuilder, x: string): string {
  const weights = (name: string, dims: readonly number[], low = -1) =>
    builder.initializer(name, uniform(name, dims, low));
  const conv = builder.op('Conv', [x, weights('conv', [6, 2, 3, 3])], { pads: [1, 1, 1, 1], strides: [1, 1] });
  const norm = ['scale', 'bias', 'mean', 'variance'].map((name) => weights(name, [6], 0.5));
  const normal = builder.op('Relu', [builder.op('BatchNormalization', [conv, ...norm])]);
  const pooled = builder.op('MaxPool', [normal], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  const down = builder.op('Conv', [pooled, weights('down', [4, 6, 3, 3])], { pads: [1, 1, 1, 1], strides: [2, 2] });
  const flat = builder.op('Flatten', [down]);
  const layer = builder.op('LayerNormalization', [flat, weights('gamma', [16], 0.5), weights('beta', [16])]);
  return builder.op('MatMul', [builder.op('Gelu', [layer]), weights('head', [16, 5])]);
}

const opsetOf = (model: Model) => model.opsets.get('');

function withGradient({ graph }: Model): Model {
  const builder = GraphBuilder.from(graph);
  const output = graph.outputs[0]!.name;
  const cotangent = builder.input(COTANGENT, builder.shape(output));
  return builder.build([output, appendGradient(builder, output, cotangent, 'x')]);
}

/** Of every output, on the CPU, which has all kernels: nothing but the form can make a difference. */
async function differences(model: Model, feeds: Parameters<typeof runOnce>[1]): Promise<number> {
  const [found, expected] = [await runOnce(forDevice(model, 'cuda'), feeds), await runOnce(model, feeds)];
  expect(Object.keys(found)).toEqual(Object.keys(expected));
  return Math.max(...Object.entries(expected).map(([name, { data }]) => relativeDifference(found[name]!.data, data)));
}

describe('the form for CUDA', () => {
  it.each(FAMILIES)('computes the same values and gradients: %s', async (family) => {
    const problems: string[] = [];
    for (const { name, build, x, cotangent } of readCases(family)) {
      const model = withGradient(build());
      const difference = await differences(model, { x, [COTANGENT]: cotangent });
      if (!(difference < TOLERANCE)) problems.push(`${name}: off by ${difference}`);
      if ((opsetOf(forDevice(model, 'cuda')) === 18) === name.startsWith('Pad wrap'))
        problems.push(`${name}: in the other opset`);
    }
    expect(problems).toEqual([]);
  });

  const network = modelOf([2, 8, 8], appendNetwork);
  it.each(LOSS_NAMES)('leaves the CPU nothing but shapes, and computes the same: %s', async (loss) => {
    const builder = GraphBuilder.from(network.graph);
    const logits = network.graph.outputs[0]!.name;
    const values = appendLoss(builder, loss, logits);
    const ones = builder.op('Expand', [builder.constant(1), builder.op('Shape', [values])]);
    const model = builder.build([logits, values, appendGradient(builder, values, ones, 'x')]);
    const adapted = forDevice(model, 'cuda');
    expect(opsetOf(adapted)).toBe(18);
    expect(opsOf(adapted).filter((op) => !hasCudaKernel(op, 18))).toEqual([]);
    expect(opsOf(model).filter((op) => !hasCudaKernel(op, 20))).toContain('Equal');
    expect(await differences(model, { x: uniform('x', [BATCH, 2, 8, 8], -2, 2), ...PARAMETERS })).toBeLessThan(
      TOLERANCE,
    );
  });

  it.each(Object.entries(EXAMPLES))('computes the same without the op: %s', async (what, { dims, append }) => {
    const model = modelOf(dims, append);
    const adapted = forDevice(model, 'cuda');
    expect(opsOf(adapted).filter((op) => !hasCudaKernel(op, 18))).toEqual([]);
    expect(opsetOf(adapted)).toBe(18);
    if (!what.startsWith('ConvTranspose')) expect(opsOf(adapted)).not.toContain(what.split(',')[0]);
    expect(await differences(model, { x: uniform('x', [BATCH, ...dims], -1.4, 1.4) })).toBeLessThan(TOLERANCE);
  });

  it('crops both sides of a ConvTranspose alike', () => {
    const { dims, append } = EXAMPLES['ConvTranspose, pads that differ']!;
    const { graph } = forDevice(modelOf(dims, append), 'cuda');
    const [node] = graph.nodes.filter(({ op }) => op === 'ConvTranspose');
    expect(node!.attributes.pads).toEqual({ kind: 'ints', value: [0, 1, 0, 1] });
  });

  it('tells numbers that are none from each other, as Equal does', async () => {
    const model = modelOf([2], (builder, x) => builder.op('Cast', [builder.op('Equal', [x, x])], { to: 1 }));
    const x = float32([1, 2], [Number.NaN, 1]);
    const { data } = Object.values(await runOnce(forDevice(model, 'cuda'), { x }))[0]!;
    expect([...data]).toEqual([0, 1]);
  });
});

describe('a graph that opset 18 cannot say stays in opset 20', () => {
  const resized: Append = (builder, x) =>
    builder.op('Resize', [x, '', builder.constant([1, 1, 2, 2])], {
      mode: 'linear',
      coordinate_transformation_mode: 'half_pixel_symmetric',
    });
  const newer: Readonly<Record<string, Append>> = {
    'AveragePool with dilations': (builder, x) =>
      builder.op('AveragePool', [x], { kernel_shape: [2, 2], dilations: [2, 2] }),
    'Pad by wrapping': (builder, x) => builder.op('Pad', [x, builder.ints([0, 0, 1, 1, 0, 0, 1, 1])], { mode: 'wrap' }),
    'Resize by symmetric half pixels': resized,
  };

  it.each(Object.entries(newer))('%s', async (_, append) => {
    const model = modelOf([2, 4, 4], append);
    expect(opsetOf(forDevice(model, 'cuda'))).toBe(20);
    expect(await differences(model, { x: uniform('x', [BATCH, 2, 4, 4]) })).toBe(0);
  });

  it('and dilations of 1 are left out', async () => {
    const model = modelOf([2, 4, 4], (builder, x) =>
      builder.op('AveragePool', [x], { kernel_shape: [2, 2], dilations: [1, 1] }),
    );
    expect(opsetOf(forDevice(model, 'cuda'))).toBe(18);
    expect(await differences(model, { x: uniform('x', [BATCH, 2, 4, 4]) })).toBeLessThan(1e-6);
  });
});

describe('the table of CUDA faults', () => {
  /** Folded into initializers, and written out by onnxruntime itself. */
  const elsewhere = ['Constant', 'GroupNormalization'];
  const lacking = (opset: 18 | 20) =>
    Object.keys(SHAPE_RULES).filter((op) => !elsewhere.includes(op) && !hasCudaKernel(op, opset));

  test('has every op without a kernel, and no other but of some forms', () => {
    const known = CUDA_FAULTS.filter(({ when }) => when === undefined).map(({ op }) => op);
    expect(known.sort()).toEqual([...new Set([...lacking(18), ...lacking(20)])].sort());
  });

  test('has those for opset 18 that are lacking in opset 20 alone', () => {
    const older = CUDA_FAULTS.filter(({ remedy }) => remedy.kind === 'opset').map(({ op }) => op);
    expect(older.sort()).toEqual(
      lacking(20)
        .filter((op) => hasCudaKernel(op, 18))
        .sort(),
    );
  });
});
