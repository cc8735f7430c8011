import { describe, expect, it } from 'vitest';
import { classifierFromOnnx } from '../../../../src/models/from-onnx.ts';
import { toNumbers } from '../../../../src/numeric/tensor.ts';
import { canonicalise } from '../../../../src/onnx/passes/canonicalise.ts';
import { withAllOutputs, withOwnNames } from '../../../../src/onnx/passes/node-names.ts';
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
    const differences = toNumbers(x!).map((value, at) =>
      Math.abs(toNumbers(y!)[at]! - Math.sqrt(Math.exp(-Math.tanh(value)))),
    );
    expect(Math.max(...differences)).toBeLessThan(1e-6);
  });

  it('are no layer by that name', () => {
    expect(() => classifierFromOnnx(SHARED, 'shared.onnx', { layer: 'n' })).toThrow(
      'shared.onnx has 3 nodes named "n": name the tensor, one of a, b, y',
    );
  });
});

describe('a Split with an output that has no name, for nobody reads it', () => {
  const split = { ...node('Split', ['x'], 'a', { axis: 1, num_outputs: 3 }), outputs: ['', 'unread_0', ''] };
  const model = modelOf({ inputs: { x: [{ batch: 1 }, 6] }, nodes: [split, node('Neg', ['unread_0'], 'y')] });

  it('is given one', () => {
    expect(withAllOutputs(model.graph).nodes[0]!.outputs).toEqual(['unread_1', 'unread_0', 'unread_2']);
  });

  it('is computed, where onnxruntime 1.30 ends the process', async () => {
    const feeds = randomFeeds(model, 1);
    const { y } = await runOrt(canonicalise(model), feeds);
    expect(toNumbers(y!)).toEqual(
      toNumbers(feeds.x!)
        .slice(2, 4)
        .map((value) => -value),
    );
  });
});
