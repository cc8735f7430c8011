import type { ModuleInfo } from '../../../src/checkpoints/module-info.ts';
import type { StateDict } from '../../../src/checkpoints/weights.ts';
import type { Classifier, ClassifierOptions } from '../../../src/models/classifier.ts';
import { classifierFromCheckpoint } from '../../../src/models/from-checkpoint.ts';
import { float32, int64, type Tensor } from '../../../src/numeric/tensor.ts';
import { encodeModel } from '../../../src/onnx/codec/model.ts';

/** A pre-activation ResNet of 4 blocks and width 2, its weights running numbers: what it computes is of no interest here. */
export function preActState(): Map<string, Tensor> {
  const state = new Map<string, Tensor>();
  let next = 0;
  const add = (name: string, ...dims: number[]) => {
    const size = dims.reduce((product, dim) => product * dim, 1);
    state.set(
      name,
      float32(
        dims,
        Float32Array.from({ length: size }, () => Math.sin(next++) + 1.5),
      ),
    );
  };
  const norm = (name: string, width: number) => {
    for (const part of ['weight', 'bias', 'running_mean', 'running_var']) add(`${name}.${part}`, width);
    state.set(`${name}.num_batches_tracked`, int64([], [7]));
  };
  add('conv1.weight', 2, 3, 3, 3);
  for (const [index, [from, to]] of [
    [2, 2],
    [2, 4],
    [4, 4],
    [4, 8],
  ].entries() as Iterable<[number, [number, number]]>) {
    const block = `layer${index + 1}.0`;
    norm(`${block}.bn1`, from);
    add(`${block}.conv1.weight`, to, from, 3, 3);
    norm(`${block}.bn2`, to);
    add(`${block}.conv2.weight`, to, to, 3, 3);
    if (index > 0) add(`${block}.shortcut.0.weight`, to, from, 1, 1);
  }
  add('linear.weight', 10, 8);
  add('linear.bias', 10);
  return state;
}

/** The classifier of a file that holds this. */
export function read(state: StateDict, options?: ClassifierOptions, modules?: readonly ModuleInfo[]): Classifier {
  const checkpoint = { path: 'net.pt', format: 'torch-zip', sha256: '', state, notes: [], modules } as const;
  return classifierFromCheckpoint(checkpoint, options);
}

export const bytes = ({ model }: Classifier) => Buffer.from(encodeModel(model)).toString('base64');
export const renamed = (state: StateDict, prefix: string) =>
  new Map([...state].map(([name, tensor]) => [prefix + name, tensor]));
export const MEAN = [0.25, 0.5, 0.75];
export const STD = [0.5, 0.25, 0.125];
export const buffers = (mean: string, std: string, dims: number[]) =>
  [
    [mean, float32(dims, MEAN)],
    [std, float32(dims, STD)],
  ] as const;

/** A module as its pickle tells of it. */
export const info = (
  path: string,
  className: string,
  attributes: Record<string, number | string | boolean | number[]> = {},
) => ({
  path,
  className,
  attributes: new Map(Object.entries(attributes)),
});
