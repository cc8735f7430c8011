import { float32, sizeOf } from '../src/numeric/tensor.ts';
import { appendGradient } from '../src/onnx/autodiff/vjp.ts';
import { float, GraphBuilder } from '../src/onnx/builder.ts';
import { onnxRuntime } from '../src/runtime/session.ts';

/**
 * Times the ways to compute the gradient of an op on onnxruntime's CPU, one thread: "rule" is what src/onnx/gradient does.
 *
 *   node --import tsx bench/gradient-ops.ts [name]
 */

/** Appends one way to compute the gradient at x of an op from that of its output. */
type Form = (builder: GraphBuilder, x: string, dy: string) => string;
type Forward = (builder: GraphBuilder, x: string) => string;

interface Comparison {
  readonly name: string;
  readonly x: readonly number[];
  /** The shape of the op's output. */
  readonly dy: readonly number[];
  readonly forms: Readonly<Record<string, Form>>;
}

const BATCH = 4;
const ROUNDS = 15;

const rule =
  (forward: Forward): Form =>
  (builder, x, dy) =>
    appendGradient(builder, forward(builder, x), dy, x);

// -- masks: between two convolutions, since what matters is whether they keep the blocked layout --------------------

function weights(builder: GraphBuilder, dims: readonly number[]): string {
  const values = noise(sizeOf(dims)).map((value) => value / 16);
  return builder.initializer(builder.fresh('weights'), float32(dims, values));
}

const conv = (builder: GraphBuilder, value: string, channels: number) =>
  builder.op('Conv', [value, weights(builder, [channels, channels, 3, 3])], { pads: [1, 1, 1, 1] });

/** An activation after a convolution, whose gradient goes on to another one. */
function amongConvolutions(
  activation: Forward,
  form: (builder: GraphBuilder, x: string, y: string, dy: string) => string,
): Form {
  return (builder, input, gradient) => {
    const x = conv(builder, input, 64);
    const dy = conv(builder, gradient, 64);
    return conv(builder, form(builder, x, activation(builder, x), dy), 64);
  };
}

const toFloat = (builder: GraphBuilder, condition: string) => builder.op('Cast', [condition], { to: 1 });
const relu: Forward = (builder, x) => builder.op('Relu', [x]);
const relu6: Forward = (builder, x) => builder.op('Clip', [x, builder.constant(0), builder.constant(6)]);
const clip: Forward = (builder, x) => builder.op('Clip', [x, builder.constant(-0.5), builder.constant(0.5)]);
const isPositive = (builder: GraphBuilder, y: string) => builder.op('Greater', [y, builder.constant(0)]);

const MASKS: readonly Comparison[] = [
  {
    name: 'Relu',
    x: [64, 32, 32],
    dy: [64, 32, 32],
    forms: {
      rule: amongConvolutions(relu, (b, x, y, dy) => appendGradient(b, y, dy, x)),
      'Mul by Sign': amongConvolutions(relu, (b, _, y, dy) => b.op('Mul', [dy, b.op('Sign', [y])])),
      'Mul by Cast of Greater': amongConvolutions(relu, (b, _, y, dy) =>
        b.op('Mul', [dy, toFloat(b, isPositive(b, y))]),
      ),
      Where: amongConvolutions(relu, (b, _, y, dy) => b.op('Where', [isPositive(b, y), dy, b.constant(0)])),
    },
  },
  {
    name: 'Clip',
    x: [64, 32, 32],
    dy: [64, 32, 32],
    forms: {
      rule: amongConvolutions(clip, (b, x, y, dy) => appendGradient(b, y, dy, x)),
      'Mul by Cast of Equal': amongConvolutions(clip, (b, x, y, dy) =>
        b.op('Mul', [dy, toFloat(b, b.op('Equal', [x, y]))]),
      ),
      Where: amongConvolutions(clip, (b, x, y, dy) => b.op('Where', [b.op('Equal', [x, y]), dy, b.constant(0)])),
      'rule for ReLU6': amongConvolutions(relu6, (b, x, y, dy) => appendGradient(b, y, dy, x)),
    },
  },
];

// -- convolutions ---------------------------------------------------------------------------------------------------

interface Layer {
  readonly name: string;
  readonly channels: readonly [number, number];
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly pad: number;
  readonly group?: number;
}

const LAYERS: readonly Layer[] = [
  { name: 'Conv 3x3', channels: [64, 64], size: 32, kernel: 3, stride: 1, pad: 1 },
  { name: 'Conv 3x3 depthwise', channels: [96, 96], size: 56, kernel: 3, stride: 1, pad: 1, group: 96 },
  { name: 'Conv 3x3 stride 2, CIFAR', channels: [64, 128], size: 32, kernel: 3, stride: 2, pad: 1 },
  { name: 'Conv 3x3 stride 2, ImageNet', channels: [64, 128], size: 56, kernel: 3, stride: 2, pad: 1 },
  { name: 'Conv 3x3 stride 2, last stage', channels: [256, 512], size: 8, kernel: 3, stride: 2, pad: 1 },
  { name: 'Conv 3x3 stride 2, depthwise', channels: [96, 96], size: 56, kernel: 3, stride: 2, pad: 1, group: 96 },
  { name: 'Conv 1x1 stride 2', channels: [64, 128], size: 32, kernel: 1, stride: 2, pad: 0 },
  { name: 'Conv 7x7 stride 2', channels: [3, 64], size: 224, kernel: 7, stride: 2, pad: 3 },
];

function compareLayer({ name, channels: [depth, filters], size, kernel, stride, pad, group = 1 }: Layer): Comparison {
  const output = Math.floor((size + 2 * pad - kernel) / stride) + 1;
  const filterDims = [filters, depth / group, kernel, kernel];
  const attributes = { strides: [stride, stride], pads: [pad, pad, pad, pad], group };
  const extra = size - (stride * (output - 1) + kernel - 2 * pad);
  return {
    name,
    x: [depth, size, size],
    dy: [filters, output, output],
    forms: {
      rule: rule((builder, x) => builder.op('Conv', [x, weights(builder, filterDims)], attributes)),
      ConvTranspose: (builder, _, dy) =>
        builder.op('ConvTranspose', [dy, weights(builder, filterDims)], {
          ...attributes,
          output_padding: [extra, extra],
        }),
      ...(stride > 1 && {
        'phases, DepthToSpace': (builder, _, dy) =>
          phases(builder, dy, filterDims, { size, output, stride, pad, group }),
      }),
    },
  };
}

/** One stride-1 convolution for each place modulo the stride, of the taps that meet it; weights are not the right ones. */
function phases(
  builder: GraphBuilder,
  dy: string,
  [filters, depth, kernel]: readonly number[],
  { size, output, stride, pad, group }: { size: number; output: number; stride: number; pad: number; group: number },
): string {
  const count = Math.ceil(size / stride);
  const axis = Array.from({ length: stride }, (_, phase) => {
    const taps = Math.max(0, Math.ceil((kernel! - ((phase + pad) % stride)) / stride));
    const shift = Math.floor((phase + pad) / stride);
    return { taps, begin: taps - 1 - shift, end: count - output + shift };
  });
  const parts = axis.flatMap((row) =>
    axis.map((column) => {
      if (row.taps * column.taps === 0) return undefined;
      const filter = weights(builder, [depth! * group, filters! / group, row.taps, column.taps]);
      return builder.op('Conv', [dy, filter], { pads: [row.begin, column.begin, row.end, column.end], group });
    }),
  );
  const made = parts.find((part) => part !== undefined)!;
  const zeros = builder.op('ConstantOfShape', [builder.op('Shape', [made])]);
  const joined = builder.op(
    'Concat',
    parts.map((part) => part ?? zeros),
    { axis: 1 },
  );
  return builder.op('DepthToSpace', [joined], { blocksize: stride });
}

// -- pools ----------------------------------------------------------------------------------------------------------

/** Compares x with the maximum at each offset of the kernel, the first that is equal taking the gradient. */
function maxByOffset(kernel: number, stride: number, pad: number): Form {
  return (b, x, dy) => {
    const y = b.op('MaxPool', [x], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    });
    const steps = b.shape(y)[2] as number;
    const count = Math.ceil((stride * steps + kernel) / stride);
    const after = stride * count - pad - (b.shape(x)[2] as number);
    const padded = b.op('Pad', [x, b.ints([0, 0, pad, pad, 0, 0, after, after]), b.constant(-1e30)]);
    const phase = Array.from({ length: stride * stride }, () => [] as string[]);
    let rest = dy;
    for (let offset = 0; offset < kernel * kernel; offset++) {
      const [row, column] = [Math.floor(offset / kernel), offset % kernel];
      const ends = [row, column].map((start) => start + stride * (steps - 1) + 1);
      const inputs = [padded, b.ints([row, column]), b.ints(ends), b.ints([2, 3]), b.ints([stride, stride])];
      const difference = b.op('Abs', [b.op('Sub', [b.op('Slice', inputs), y])]);
      const mask = b.op('HardSigmoid', [difference], { alpha: float(-(2 ** 126)), beta: float(1) });
      const won = b.op('Mul', [rest, mask]);
      rest = b.op('Sub', [rest, won]);
      const [top, left] = [Math.floor(row / stride), Math.floor(column / stride)];
      const place = b.ints([0, 0, top, left, 0, 0, count - steps - top, count - steps - left]);
      phase[(row % stride) * stride + (column % stride)]!.push(b.op('Pad', [won, place]));
    }
    const sums = phase.map((list) => list.reduce((sum, part) => b.op('Add', [sum, part])));
    const whole = b.op('DepthToSpace', [b.op('Concat', sums, { axis: 1 })], { blocksize: stride });
    const size = b.shape(x)[2] as number;
    return b.op('Slice', [whole, b.ints([pad, pad]), b.ints([pad + size, pad + size]), b.ints([2, 3])]);
  };
}

const maxPool =
  (kernel: number, stride: number, pad: number): Forward =>
  (builder, x) =>
    builder.op('MaxPool', [x], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    });

const POOLS: readonly Comparison[] = [
  {
    name: 'MaxPool 3x3 stride 2',
    x: [64, 112, 112],
    dy: [64, 56, 56],
    forms: { rule: rule(maxPool(3, 2, 1)), 'comparison by offset': maxByOffset(3, 2, 1) },
  },
  {
    name: 'MaxPool 2x2',
    x: [64, 32, 32],
    dy: [64, 16, 16],
    forms: { rule: rule(maxPool(2, 2, 0)), 'comparison by offset': maxByOffset(2, 2, 0) },
  },
  {
    name: 'AveragePool 2x2',
    x: [128, 56, 56],
    dy: [128, 28, 28],
    forms: {
      rule: rule((b, x) => b.op('AveragePool', [x], { kernel_shape: [2, 2], strides: [2, 2] })),
      Expand: (b, _, dy) => {
        const cells = b.reshape(b.op('Mul', [dy, b.constant(0.25)]), [{ batch: 1 }, 128, 28, 1, 28, 1]);
        return b.reshape(b.op('Expand', [cells, b.ints([1, 1, 1, 2, 1, 2])]), [{ batch: 1 }, 128, 56, 56]);
      },
      'depthwise ConvTranspose': (b, _, dy) =>
        b.op('ConvTranspose', [dy, b.constant(new Float32Array(512).fill(0.25), [128, 1, 2, 2])], {
          strides: [2, 2],
          group: 128,
        }),
    },
  },
  {
    name: 'GlobalAveragePool',
    x: [512, 7, 7],
    dy: [512, 1, 1],
    forms: {
      rule: rule((b, x) => b.op('GlobalAveragePool', [x])),
      Expand: (b, _, dy) => b.op('Expand', [b.op('Mul', [dy, b.constant(1 / 49)]), b.ints([1, 1, 7, 7])]),
    },
  },
];

// -- transformers and indexing --------------------------------------------------------------------------------------

const OTHERS: readonly Comparison[] = [
  {
    name: 'MatMul by weights',
    x: [197, 768],
    dy: [197, 768],
    forms: {
      rule: rule((b, x) => b.op('MatMul', [x, weights(b, [768, 768])])),
      'weights transposed beforehand': (b, _, dy) => b.op('MatMul', [dy, weights(b, [768, 768])]),
    },
  },
  {
    name: 'LayerNormalization',
    x: [197, 768],
    dy: [197, 768],
    forms: {
      rule: rule((b, x) => b.op('LayerNormalization', [x, weights(b, [768])], { axis: -1 })),
      'statistics by LayerNormalization': (b, x, dy) => {
        const ones = b.constant(new Float32Array(768).fill(1));
        const [z, , scale] = b.ops('LayerNormalization', [x, ones], {
          outputs: ['z', 'mean', 'scale'],
          attributes: { axis: -1 },
        });
        const mean = (value: string) => b.op('ReduceMean', [value, b.ints([-1])]);
        const g = b.op('Mul', [dy, weights(b, [768])]);
        const along = b.op('Mul', [z!, mean(b.op('Mul', [g, z!]))]);
        return b.op('Mul', [scale!, b.op('Sub', [b.op('Sub', [g, mean(g)]), along])]);
      },
    },
  },
  {
    name: 'Gather of the class token',
    x: [197, 768],
    dy: [768],
    forms: {
      rule: rule((b, x) => b.op('Gather', [x, b.ints(0)], { axis: 1 })),
      'Gather back': (b, _, dy) => {
        const row = b.op('Unsqueeze', [dy, b.ints([1])]);
        const zero = b.op('Pad', [row, b.ints([0, 0, 0, 0, 1, 0])]);
        return b.op('Gather', [zero, b.ints([0, ...Array<number>(196).fill(1)])], { axis: 1 });
      },
    },
  },
  {
    name: 'Slice of every second pixel',
    x: [64, 32, 32],
    dy: [64, 16, 16],
    forms: {
      rule: rule((b, x) => b.op('Slice', [x, b.ints([0, 0]), b.ints([32, 32]), b.ints([2, 3]), b.ints([2, 2])])),
      'Pad of cells': (b, _, dy) => {
        const cells = b.reshape(dy, [{ batch: 1 }, 64, 16, 1, 16, 1]);
        const stuffed = b.op('Pad', [cells, b.ints([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1])]);
        return b.reshape(stuffed, [{ batch: 1 }, 64, 32, 32]);
      },
    },
  },
];

/** Times the forms in turns, so that all of them see the same noise; the best round of each counts. */
async function compare({ name, x, dy, forms }: Comparison): Promise<void> {
  console.info(`\n${name}: x [${[BATCH, ...x].join(', ')}]`);
  const feeds: Record<string, ReturnType<typeof float32>> = {
    x: float32([BATCH, ...x], noise(BATCH * sizeOf(x))),
    dy: float32([BATCH, ...dy], noise(BATCH * sizeOf(dy))),
  };
  const runs = await Promise.all(
    Object.entries(forms).map(async ([form, append]) => ({
      form,
      ...(await prepare(append, x, dy)),
      best: Number.POSITIVE_INFINITY,
    })),
  );
  for (let round = 0; round < ROUNDS; round++) {
    for (const run of runs) {
      const start = performance.now();
      await run.session.run(Object.fromEntries(run.inputs.map((input) => [input, feeds[input]!])));
      run.best = Math.min(run.best, performance.now() - start);
    }
  }
  const fastest = Math.min(...runs.map(({ best }) => best));
  for (const { form, best, session } of runs) {
    console.info(
      `${(best / BATCH).toFixed(3).padStart(9)} ms/image ${(best / fastest).toFixed(2).padStart(6)}x  ${form}`,
    );
    await session.release();
  }
}

/** A session for a form, which is fed only what it reads. */
async function prepare(append: Form, x: readonly number[], dy: readonly number[]) {
  const builder = new GraphBuilder();
  const [input, gradient] = [builder.input('x', [{ batch: 1 }, ...x]), builder.input('dy', [{ batch: 1 }, ...dy])];
  const model = builder.build([append(builder, input, gradient)]);
  const read = new Set(model.graph.nodes.flatMap(({ inputs }) => inputs));
  const graph = { ...model.graph, inputs: model.graph.inputs.filter(({ name }) => read.has(name)) };
  return {
    session: await onnxRuntime().createSession({ ...model, graph }),
    inputs: graph.inputs.map(({ name }) => name),
  };
}

/** A fixed sequence between -1 and 1 that looks random. */
function noise(length: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

const wanted = process.argv[2] ?? '';
for (const comparison of [...MASKS, ...LAYERS.map(compareLayer), ...POOLS, ...OTHERS]) {
  if (comparison.name.includes(wanted)) await compare(comparison);
}
