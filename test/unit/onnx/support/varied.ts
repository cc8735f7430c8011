import { float32, int64 } from '../../../../src/numeric/tensor.ts';
import { float } from '../../../../src/onnx/builder.ts';
import type { Model } from '../../../../src/onnx/graph.ts';
import { modelOf, node } from './models.ts';
import { randomTensor } from './run.ts';

/** A small old export of many ops and attribute kinds, little of it weights: each byte says something. */
export function variedModel(): Model {
  const vector = float32([4], [1, 2, 3, 4]);
  const two = (first: string, second: string) => ({ outputs: [first, second] });
  return modelOf({
    opset: 11,
    inputs: { images: [{ batch: 1 }, 2, 6, 6] },
    initializers: {
      w: randomTensor([4, 2, 3, 3], 1),
      s: vector,
      up: float32([4], [1, 1, 2, 2]),
      roi: float32([0], []),
      head: randomTensor([6, 3], 2),
      none: int64([2], [-1, -1]),
      missing: int64([3], [-1, -1, -1]),
      ones: int64([3], [1, 1, 1]),
      pads: int64([8], [0, 0, 1, 1, 0, 0, 1, 1]),
      low: float32([], [-1]),
      from: int64([2], [0, 0]),
      to: int64([2], [2 ** 62, 3]),
      axes: int64([2], [2, 3]),
      steps: int64([2], [3, 2]),
      zero: int64([], [0]),
      rest: int64([1], [-1]),
      token: float32([1, 1, 6], [1, 2, 3, 4, 5, 6]),
    },
    nodes: [
      node('Pad', ['images', 'pads'], 'padded', { mode: 'constant' }),
      node('Conv', ['padded', 'w', 's'], 'conv', { strides: [2, 2], auto_pad: 'NOTSET' }),
      node('BatchNormalization', ['conv', 's', 's', 's', 's'], 'norm', { epsilon: float(0.0078125) }),
      node('Resize', ['norm', 'roi', 'up'], 'large', { mode: 'linear', coordinate_transformation_mode: 'asymmetric' }),
      node('MaxPool', ['large'], 'pooled', { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }),
      { ...node('Split', ['pooled'], 'left', { axis: 1, split: [2, 2] }), ...two('left', 'right') },
      node('Clip', ['left', 'low'], 'clipped'),
      node('Concat', ['clipped', 'right'], 'joined', { axis: 1 }),
      node('Transpose', ['joined'], 'turned', { perm: [0, 2, 3, 1] }),
      node('Slice', ['turned', 'from', 'to', 'axes', 'steps'], 'sliced'),
      node('Shape', ['sliced'], 'shape'),
      node('Gather', ['shape', 'zero'], 'size', { axis: 0 }),
      node('Unsqueeze', ['size'], 'sizes', { axes: [0] }),
      node('Concat', ['sizes', 'rest'], 'target', { axis: 0 }),
      node('Reshape', ['sliced', 'target'], 'flat'),
      node('ReduceMean', ['flat'], 'mean', { axes: [-1], keepdims: 1 }),
      node('Sub', ['flat', 'mean'], 'centred'),
      node('Softmax', ['centred'], 'weights', { axis: 1 }),
      node('Concat', ['sizes', 'none'], 'wide', { axis: 0 }),
      node('Equal', ['wide', 'missing'], 'any'),
      node('Where', ['any', 'ones', 'wide'], 'token_shape'),
      node('Expand', ['token', 'token_shape'], 'tokens'),
      node('Squeeze', ['tokens'], 'rows', { axes: [1] }),
      node('Mul', ['weights', 'rows'], 'features'),
      node('Dropout', ['features'], 'kept', { ratio: float(0.5) }),
      node('Gemm', ['kept', 'head'], 'logits', { transA: 0, alpha: float(0.5) }),
    ],
  });
}
