import { PROBE_INPUT, type ProbeShape, probeImages, probeModel } from './provider.ts';
import { onnxRuntime, type RuntimeOptions } from './session.ts';

/** Convolutions as they are in a CIFAR ResNet's first stage. */
const SHAPE: ProbeShape = { layers: 4, channels: 64, size: 32, images: 16 };
const ROUNDS = 5;

export interface Timing extends ProbeShape {
  /** For one pass over all images, the median of a few. */
  readonly milliseconds: number;
  /** Thousand million floating-point operations a second. */
  readonly gigaflops: number;
}

/** Times a small convolutional network. Throws RunError where the device is not there. */
export async function timeConvolutions(options: RuntimeOptions): Promise<Timing> {
  const session = await onnxRuntime(options).createSession(probeModel(SHAPE));
  try {
    const feeds = { [PROBE_INPUT]: probeImages(SHAPE) };
    // The first pass sets the device up.
    await session.run(feeds);
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const start = performance.now();
      await session.run(feeds);
      times.push(performance.now() - start);
    }
    const milliseconds = times.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]!;
    return { ...SHAPE, milliseconds, gigaflops: operations(SHAPE) / milliseconds / 1e6 };
  } finally {
    await session.release();
  }
}

function operations({ layers, channels, size, images }: ProbeShape): number {
  return 2 * 9 * channels ** 2 * size ** 2 * layers * images;
}
