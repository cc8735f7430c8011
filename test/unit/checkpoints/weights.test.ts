import { describe, expect, it } from 'vitest';
import { type StateDict, weight } from '../../../src/checkpoints/weights.ts';
import { CheckpointError } from '../../../src/errors.ts';
import { float32, int64, type Tensor } from '../../../src/numeric/tensor.ts';

const state: StateDict = new Map<string, Tensor>([
  ['conv.weight', float32([2, 1, 1, 2], [1, 2, 3, 4])],
  ['fc.weight', float32([2, 3], [0, 1, 2, 3, Number.NaN, 5])],
  ['steps', int64([1], [7])],
]);

describe('weight', () => {
  it('gives the tensor where it is as asked', () => {
    expect(weight(state, 'conv.weight', [2, 1, 1, 2])).toBe(state.get('conv.weight'));
    expect(weight(state, 'conv.weight', ['*', 1, '*', 2])).toBe(state.get('conv.weight'));
  });

  it.each([
    ['bn.bias', [2], 'has no weight "bn.bias" (expected [2]); its 3 tensors start with "conv.weight" [2, 1, 1, 2]'],
    ['conv.weight', [2, 1, 3, 3], 'weight "conv.weight" is [2, 1, 1, 2], expected [2, 1, 3, 3]'],
    ['conv.weight', ['*', 2], 'weight "conv.weight" is [2, 1, 1, 2], expected [*, 2]'],
    ['steps', [1], 'weight "steps" is int64, expected floating point [1]'],
    ['fc.weight', [2, 3], 'weight "fc.weight" is NaN at [1, 1]'],
  ] as const)('names %s %j and what is wrong with it', (name, dims, message) => {
    expect(() => weight(state, name, dims)).toThrow(CheckpointError);
    expect(() => weight(state, name, dims)).toThrow(message);
  });

  it('says so where the state dict is empty', () => {
    expect(() => weight(new Map(), 'fc.weight', [1])).toThrow('it has none');
  });
});
