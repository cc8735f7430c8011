import { describe, expect, it } from 'vitest';
import type { Dim } from '../../../../src/onnx/graph.ts';
import { upgrade } from '../../../../src/onnx/passes/upgrade.ts';
import { expectSameOutputs, modelOf, node, opsOf } from '../support/models.ts';
import { randomTensor } from '../support/run.ts';

const N: Dim = { batch: 1 };

function einsum(equation: string, x: readonly Dim[], ...weights: readonly number[][]) {
  const names = weights.map((_, index) => `w${index}`);
  return modelOf({
    inputs: { x },
    initializers: Object.fromEntries(weights.map((dims, index) => [names[index]!, randomTensor(dims, index + 1)])),
    nodes: [node('Einsum', ['x', ...names], 'y', { equation })],
  });
}

describe('Einsum as products of matrices', () => {
  it.each([
    ['bij, jk -> bik', [N, 3, 4], [4, 5]],
    ['bij,jk->kib', [N, 3, 4], [4, 5]],
    ['b h i d, h j d -> b h i j', [N, 2, 3, 4], [2, 5, 4]],
    ['nchw,cd->nd', [N, 3, 2, 2], [3, 5]],
    ['bi,bi->b', [N, 4], [1, 4]],
    ['...ij,jk->...ik', [N, 2, 3, 4], [4, 5]],
    ['...ij,jk', [N, 2, 3, 4], [4, 5]],
    ['bij,jk', [N, 3, 4], [4, 5]],
    ['bi,j->bij', [N, 4], [3]],
    ['bij->bji', [N, 3, 4]],
    ['bij->b', [N, 3, 4]],
    ['bi,ij,jk->bk', [N, 3], [3, 4], [4, 5]],
    ['bii->bi', [N, 3, 3]],
    ['...ii->...i', [N, 2, 3, 3]],
    ['bijj', [N, 2, 3, 3]],
    ['biji->bj', [N, 3, 4, 3]],
    ['biii,ij->bj', [N, 3, 3, 3], [3, 4]],
    ['bij,kk->bij', [N, 3, 4], [5, 5]],
  ] as [string, Dim[], ...number[][]][])('%s', async (equation, x, ...weights) => {
    const model = einsum(equation, x, ...weights);
    const lowered = upgrade(model);
    expect(opsOf(lowered)).not.toContain('Einsum');
    await expectSameOutputs(model, lowered, equation.startsWith('bi,bi') ? 1 : 2);
  });

  it.each([
    ['bii->bi', [N, 3, 3, 3], [], '"bii" of "bii->bi" does not name each axis of operand 0'],
    ['bii->bi', [N, 3, 4], [], 'index "i" is of two axes of [N, 3, 4] that have no diagonal'],
    ['bbi->bi', [N, 3, 4], [], 'index "b" is of two axes of [N, 3, 4] that have no diagonal'],
    ['bij,jk->bik', [N, 3, 4], [], '"bij,jk->bik" is not for its 1 operands'],
    ['bij->bz', [N, 3, 4], [], 'the result of "bij->bz" is not made of its indices'],
  ] as [string, Dim[], number[][], string][])('refuses %s', (equation, x, weights, message) => {
    expect(() => upgrade(einsum(equation, x, ...weights))).toThrow(`Einsum "y": ${message}`);
  });
});
