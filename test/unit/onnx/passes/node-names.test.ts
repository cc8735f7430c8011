import { describe, expect, it } from 'vitest';
import { classifierFromOnnx } from '../../../../src/models/from-onnx.ts';
import { canonicalise } from '../../../../src/onnx/passes/canonicalise.ts';
import { withOwnNames } from '../../../../src/onnx/passes/node-names.ts';
import { modelOf, node } from '../support/models.ts';
import { randomFeeds, runOrt } from '../support/run.ts';

const named = (name: string, op: string, input: string, output: string) => ({ ...node(op, [input], output), name });
const SHARED = modelOf({
  nodes: [
    named('n', 'Tanh', 'x', 'a'),
    named('n', 'Neg', 'a', 'b'),
    named('n_2', 'Exp', 'b', 'c'),
    named('', 'Abs', 'c', 'd'),
    named('n', 'Sqrt', 'd', 'y'),
  ],
});

describe('nodes that share a name', () => {
  it('have one of their own each, the first its own', () => {
    expect(withOwnNames(SHARED.graph).nodes.map(({ name }) => name)).toEqual(['n', 'n_3', 'n_2', '', 'n_4']);
  });

  it('are loaded by onnxruntime, which refuses them as they are', async () => {
    const feeds = randomFeeds(SHARED, 2);
    await expect(runOrt(SHARED, feeds)).rejects.toThrow('two nodes with same node name');
    const { y } = await runOrt(canonicalise(SHARED), feeds);
    const { x } = feeds;
    const differences = Array.from(x!.data, (value, at) =>
      Math.abs(Number(y!.data[at]) - Math.sqrt(Math.exp(-Math.tanh(Number(value))))),
    );
    expect(Math.max(...differences)).toBeLessThan(1e-6);
  });

  it('are no layer by that name', () => {
    expect(() => classifierFromOnnx(SHARED, 'shared.onnx', { layer: 'n' })).toThrow(
      'shared.onnx has 3 nodes named "n": name the tensor, one of a, b, y',
    );
  });
});
