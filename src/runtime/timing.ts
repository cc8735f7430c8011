import { filled } from '../numeric/tensor.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import type { Model } from '../onnx/graph.ts';
import { onnxRuntime, type RuntimeOptions } from './session.ts';

/** Convolutions as they are in a CIFAR ResNet's first stage; images go in and numbers come out as in a run. */
const SHAPE = { layers: 4, channels: 64, size: 32 } as const;

/** The work is doubled until it takes about so long in all, in milliseconds, or is that of so many images. */
const BUDGET = 1000;
const MOST_IMAGES = 512;

export interface Timing {
  readonly layers: number;
  readonly channels: number;
  readonly size: number;
  readonly images: number;
  /** For one pass over all images. */
  readonly milliseconds: number;
  /** Thousand million floating-point operations a second. */
  readonly gigaflops: number;
}

/** Times a small convolutional network, for a second or so. Throws RunError where the device is not there. */
export async function timeConvolutions(options: RuntimeOptions): Promise<Timing> {
  const session = await onnxRuntime(options).createSession(convolutions());
  try {
    const { images, milliseconds } = await timePasses(async (images) => {
      await session.run({ x: filled([images, 3, SHAPE.size, SHAPE.size], 0.5) });
    });
    return { ...SHAPE, images, milliseconds, gigaflops: (images * OPERATIONS) / milliseconds / 1e6 };
  } finally {
    await session.release();
  }
}

/** Milliseconds of a pass over as many images as there is time for: two passes of each number, of which the first sets up. */
export async function timePasses(
  pass: (images: number) => Promise<void>,
  now: () => number = () => performance.now(),
): Promise<{ readonly images: number; readonly milliseconds: number }> {
  const begun = now();
  const timed = async (images: number) => {
    const start = now();
    await pass(images);
    return { images, milliseconds: now() - start };
  };
  let last = await timed(1);
  for (let images = 1; images <= MOST_IMAGES; images *= 2) {
    const expected = 4 * last.milliseconds;
    if (now() - begun + (images === 1 ? 0 : expected) > BUDGET) return last;
    if (images > 1) await timed(images);
    last = await timed(images);
  }
  return last;
}

/** Operations an image: what comes before and after the layers is a fiftieth. */
const OPERATIONS = 2 * 9 * SHAPE.channels ** 2 * SHAPE.size ** 2 * SHAPE.layers;

function convolutions(): Model {
  const { layers, channels, size } = SHAPE;
  const builder = new GraphBuilder();
  const kernel = (inputs: number) =>
    builder.initializer(`w${inputs}`, filled([channels, inputs, 3, 3], 1 / (9 * inputs)));
  const [first, others] = [kernel(3), kernel(channels)];
  let value = builder.op('Conv', [builder.input('x', [{ batch: 1 }, 3, size, size]), first], { pads: [1, 1, 1, 1] });
  for (let layer = 0; layer < layers; layer++)
    value = builder.op('Conv', [builder.op('Relu', [value]), others], { pads: [1, 1, 1, 1] });
  return builder.build([builder.op('GlobalAveragePool', [value])], 'convolutions');
}
