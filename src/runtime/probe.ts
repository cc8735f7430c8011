import { GraphBuilder } from '../onnx/builder.ts';
import type { Model } from '../onnx/graph.ts';
import { float32, sizeOf, type TypedTensor } from '../tensor/tensor.ts';

/** Names of the probe's input and output. */
export const PROBE_INPUT = 'x';
export const PROBE_OUTPUT = 'y';

export interface ProbeShape {
  readonly layers: number;
  readonly channels: number;
  readonly size: number;
  readonly images: number;
}

/** A plain stack of 3 x 3 convolutions: what a device is tried and timed on. */
export function probeModel({ layers, channels, size, images }: ProbeShape): Model {
  const builder = new GraphBuilder();
  builder.input(PROBE_INPUT, [images, channels, size, size]);
  const weights = builder.initializer('w', filled([channels, channels, 3, 3], 1 / (9 * channels)));
  let value = PROBE_INPUT;
  for (let layer = 0; layer < layers; layer++) {
    const isLast = layer === layers - 1;
    const convolved = builder.op('Conv', [value, weights], { pads: [1, 1, 1, 1] });
    value = builder.op('Relu', [convolved], {}, isLast ? { outputs: [PROBE_OUTPUT] } : {});
  }
  return builder.build([PROBE_OUTPUT], 'probe');
}

/** Images for it. */
export function probeImages({ images, channels, size }: ProbeShape): TypedTensor<'float32'> {
  return filled([images, channels, size, size], 0.5);
}

function filled(dims: readonly number[], value: number): TypedTensor<'float32'> {
  return float32(dims, new Float32Array(sizeOf(dims)).fill(value));
}
