import { expect, it } from 'vitest';
import type { TypedTensor } from '../../src/numeric/tensor.ts';
import { appendGradient } from '../../src/onnx/autodiff/vjp.ts';
import { type AttributeLike, GraphBuilder } from '../../src/onnx/builder.ts';
import type { Model } from '../../src/onnx/graph.ts';
import { DEVICE_FAULTS, forDevice } from '../../src/runtime/devices/for-device.ts';
import { onnxRuntime } from '../../src/runtime/session.ts';
import { relativeDifference, uniform } from '../unit/onnx/autodiff/support.ts';
import { type DeviceRun, type DeviceRunOptions, describeOnWebGpu, foreignOps, runProfiled } from './support.ts';

type Append = (builder: GraphBuilder, x: string) => string;

interface Example {
  /** Of the input, the batch of 2 left out. */
  readonly x: readonly number[];
  readonly append: Append;
}

const op =
  (name: string, attributes: Record<string, AttributeLike> = {}): Append =>
  (builder, x) =>
    builder.op(name, [x], attributes);

const convolution =
  (name: string, weight: readonly number[], attributes: Record<string, AttributeLike> = {}): Append =>
  (builder, x) =>
    builder.op(name, [x, builder.initializer('w', uniform('weights', weight))], attributes);

/** 1 where the op, given NaN, gives what is itself; 0 where it gives NaN, which is not. */
const ofNaN =
  (append: Append): Append =>
  (builder, x) => {
    const root = builder.op('Sqrt', [builder.op('Sub', [x, builder.constant(10)])]);
    const value = append(builder, root);
    return builder.op('Cast', [builder.op('Equal', [value, value])], { to: 1 });
  };

/** A model for every line of the table, by op and effect, that shows the fault on the device. */
const EXAMPLES: Readonly<Record<string, Example>> = {
  'Conv wrong': { x: [6, 8, 8], append: convolution('Conv', [4, 6, 3, 3], { pads: [1, 1, 1, 1] }) },
  'ConvTranspose wrong': { x: [4, 5, 5], append: convolution('ConvTranspose', [4, 1, 3, 3], { group: 2 }) },
  'MaxPool fails': {
    x: [3, 8, 8],
    append: (builder, x) => {
      const y = builder.op('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
      return appendGradient(builder, y, y, x);
    },
  },
  'BatchNormalization wrong': {
    x: [8],
    append: (builder, x) => {
      const parameters = ['scale', 'bias', 'mean', 'variance'].map((name) =>
        builder.initializer(name, uniform(name, [8], 0.5, 2)),
      );
      return builder.op('BatchNormalization', [x, ...parameters]);
    },
  },
  'LayerNormalization wrong': {
    x: [3, 6],
    append: (builder, x) => {
      const inputs = ['scale', 'bias'].map((name) => builder.initializer(name, uniform(name, [6], 0.5, 2)));
      return builder.op('LayerNormalization', [builder.op('Add', [x, builder.constant(30)]), ...inputs]);
    },
  },
  'InstanceNormalization wrong': {
    x: [3, 5, 5],
    append: (builder, x) => {
      const inputs = ['scale', 'bias'].map((name) => builder.initializer(name, uniform(name, [3], 0.5, 2)));
      return builder.op('InstanceNormalization', [builder.op('Add', [x, builder.constant(100)]), ...inputs]);
    },
  },
  'Relu wrong': { x: [4], append: ofNaN((builder, nan) => builder.op('Relu', [nan])) },
  'Clip wrong': {
    x: [4],
    append: ofNaN((builder, nan) => builder.op('Clip', [nan, builder.constant(0), builder.constant(1)])),
  },
  'HardSigmoid wrong': { x: [4], append: ofNaN((builder, nan) => builder.op('HardSigmoid', [nan])) },
  'Softmax wrong': { x: [4], append: ofNaN((builder, nan) => builder.op('Softmax', [nan], { axis: 1 })) },
  'Pow fails': {
    x: [3, 4],
    append: (builder, x) => {
      const exponents = builder.initializer('e', uniform('exponents', [3, 1], 0.5, 2));
      return builder.op('Pow', [builder.op('Abs', [x]), exponents]);
    },
  },
  'PRelu fails': {
    x: [3, 1],
    append: (builder, x) => builder.op('PRelu', [x, builder.initializer('s', uniform('slopes', [1, 4]))]),
  },
  'ConvTranspose fails': { x: [2, 3, 3, 3], append: convolution('ConvTranspose', [2, 2, 2, 2, 2]) },
  'Conv fails': { x: [4, 5, 5, 5], append: convolution('Conv', [4, 2, 3, 3, 3], { group: 2 }) },
  'Resize fails': {
    x: [3, 6, 6],
    append: (builder, x) =>
      builder.op('Resize', [x, '', builder.constant([1, 1, 0.5, 0.5])], { mode: 'linear', antialias: 1 }),
  },
  'LogSoftmax elsewhere': { x: [10], append: op('LogSoftmax', { axis: 1 }) },
  'Hardmax elsewhere': { x: [10], append: op('Hardmax', { axis: 1 }) },
  'Sign elsewhere': { x: [10], append: op('Sign') },
  'Selu elsewhere': { x: [10], append: op('Selu') },
  'Celu elsewhere': { x: [10], append: op('Celu') },
  'Softsign elsewhere': { x: [10], append: op('Softsign') },
  'Shrink elsewhere': { x: [10], append: op('Shrink') },
  'SpaceToDepth elsewhere': { x: [3, 4, 6], append: op('SpaceToDepth', { blocksize: 2 }) },
  'LRN elsewhere': { x: [7, 3, 3], append: op('LRN', { size: 5 }) },
  'LpPool elsewhere': { x: [3, 6, 6], append: op('LpPool', { kernel_shape: [3, 3], pads: [1, 1, 0, 0] }) },
  'Sum elsewhere': { x: [10], append: (builder, x) => builder.op('Sum', [x, builder.constant(1), x]) },
  'Mean elsewhere': { x: [10], append: (builder, x) => builder.op('Mean', [x, builder.constant(1), x]) },
  'MeanVarianceNormalization elsewhere': { x: [3, 4, 4], append: op('MeanVarianceNormalization') },
  'ConstantOfShape elsewhere': {
    x: [10],
    append: (builder, x) => builder.op('Add', [x, builder.op('ConstantOfShape', [builder.op('Shape', [x])])]),
  },
};

/** Of ops that are left to the CPU there is nothing to show. */
const faults = DEVICE_FAULTS.filter(({ device, remedy }) => device === 'webgpu' && remedy.kind !== 'leave');

it('every fault has an example', () => {
  expect(Object.keys(EXAMPLES)).toEqual(faults.map(({ op, effect }) => `${op} ${effect}`));
});

it('inputs that are left out at the end are not named', () => {
  const builder = new GraphBuilder();
  const x = builder.input('x', [{ batch: 1 }, 4, 5, 5]);
  const y = builder.op('Conv', [x, builder.initializer('w', uniform('weights', [4, 4, 3, 3])), '']);
  const { nodes } = forDevice(builder.build([y]), 'webgpu').graph;
  expect(nodes.map(({ inputs }) => inputs)).toEqual([['x', 'w']]);
});

it('a graph that cannot be given in another form is not computed', async () => {
  await expect(onnxRuntime({ device: 'webgpu' }).loadSession('clip.onnx')).rejects.toThrow(
    'clip.onnx: webgpu computes no .onnx of CLIP as it is',
  );
});

describeOnWebGpu('what onnxruntime cannot do on WebGPU', () => {
  it.each(faults)('$op: it is still there, and its remedy works ($effect)', async ({ op, effect, remedy }) => {
    const example = EXAMPLES[`${op} ${effect}`]!;
    const x = uniform('x', [2, ...example.x], -2, 2);
    const layout = remedy.kind === 'option' ? 'NHWC' : 'NCHW';
    const asWritten = await outcome(example, x, { as: 'written', layout });
    expect(asWritten).toBe(effect);
    if (remedy.kind !== 'refuse') expect(await outcome(example, x, {})).toBe('right');
    else await expect(runProfiled(modelOf(example), { x })).rejects.toThrow(`webgpu cannot compute ${op}`);
  });
});

/** What becomes of an example: compared with the CPU, which has no fault. */
async function outcome(example: Example, x: TypedTensor<'float32'>, options: DeviceRunOptions): Promise<string> {
  const model = modelOf(example);
  const expected = await runProfiled(model, { x }, { device: 'cpu', as: 'written' });
  const run = await runProfiled(model, { x }, options).catch(() => undefined);
  if (run === undefined) return 'fails';
  if (!(relativeDifference(onlyOutput(run), onlyOutput(expected)) < 1e-5)) return 'wrong';
  return foreignOps(run.nodes).length > 0 ? 'elsewhere' : 'right';
}

const onlyOutput = ({ outputs }: DeviceRun) => Object.values(outputs)[0]!;

function modelOf({ x, append }: Example): Model {
  const builder = new GraphBuilder();
  return builder.build([append(builder, builder.input('x', [{ batch: 1 }, ...x]))]);
}
