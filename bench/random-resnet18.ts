import type { Classifier } from '../src/models/classifier.ts';
import { classifierFromCheckpoint } from '../src/models/from-checkpoint.ts';
import { keyedStream } from '../src/numeric/random.ts';
import { float32, sizeOf, type Tensor } from '../src/numeric/tensor.ts';

/** A CIFAR ResNet-18 with He-initialised weights: what its graphs cost does not depend on what they compute. */
export function randomResNet18(width: number, classes = 10): Classifier {
  const state = new Map<string, Tensor>();
  const stream = keyedStream(['bench', 'resnet18', width]);
  const weight = (name: string, dims: readonly number[]) => {
    const scale = Math.sqrt(2 / sizeOf(dims.slice(1)));
    const values = Float32Array.from({ length: sizeOf(dims) }, () => stream.normal() * scale);
    state.set(name, float32(dims, values));
  };
  const batchNorm = (name: string, channels: number) => {
    for (const [key, value] of Object.entries({ weight: 1, bias: 0, running_mean: 0, running_var: 1 })) {
      state.set(`${name}.${key}`, float32([channels], new Float32Array(channels).fill(value)));
    }
  };
  const convolution = (conv: string, norm: string, dims: readonly [number, number, number, number]) => {
    weight(`${conv}.weight`, dims);
    batchNorm(norm, dims[0]);
  };
  convolution('conv1', 'bn1', [width, 3, 3, 3]);
  let before = width;
  for (const stage of [1, 2, 3, 4]) {
    const after = width * 2 ** (stage - 1);
    for (const block of [0, 1]) {
      const name = `layer${stage}.${block}`;
      convolution(`${name}.conv1`, `${name}.bn1`, [after, before, 3, 3]);
      convolution(`${name}.conv2`, `${name}.bn2`, [after, after, 3, 3]);
      if (before !== after) convolution(`${name}.shortcut.0`, `${name}.shortcut.1`, [after, before, 1, 1]);
      before = after;
    }
  }
  weight('linear.weight', [classes, before]);
  state.set('linear.bias', float32([classes]));
  return classifierFromCheckpoint({ path: 'random', format: 'torch-zip', sha256: '', state, notes: [] });
}
