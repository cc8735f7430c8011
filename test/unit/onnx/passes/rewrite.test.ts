import { describe, expect, it } from 'vitest';
import { GraphError } from '../../../../src/errors.ts';
import { float32 } from '../../../../src/numeric/tensor.ts';
import type { Dim } from '../../../../src/onnx/graph.ts';
import { canonicalise, validate } from '../../../../src/onnx/passes/canonicalise.ts';
import { rewrite } from '../../../../src/onnx/passes/rewrite.ts';
import { expectSameOutputs, modelOf, node } from '../support/models.ts';
import { randomTensor } from '../support/run.ts';

const N: Dim = { batch: 1 };

describe('rewrite', () => {
  const chain = modelOf({
    nodes: [node('Relu', ['x'], 'Abs_0'), node('Neg', ['Abs_0'], 'h'), node('Exp', ['h'], 'y')],
  }).graph;

  it('keeps, replaces and drops nodes, and what becomes unused', () => {
    const { nodes } = rewrite(chain, (current) => {
      if (current.op === 'Neg') return current.inputs[0];
      return current.op === 'Exp' ? { ...current, op: 'Sqrt' } : undefined;
    });
    expect(nodes.map(({ op, inputs, outputs }) => [op, ...inputs, ...outputs])).toEqual([
      ['Relu', 'x', 'Abs_0'],
      ['Sqrt', 'Abs_0', 'y'],
    ]);
  });

  it('makes up no name that is still to come', () => {
    const { nodes } = rewrite(chain, (current, builder) =>
      current.op === 'Relu' ? builder.op('Abs', ['x']) : undefined,
    );
    expect(nodes.map(({ op }) => op)).toEqual(['Abs', 'Neg', 'Exp']);
    expect(nodes[0]!.outputs).not.toEqual(['Abs_0']);
  });

  it('lets rules ask for shapes, and says where a new node does not fit', () => {
    rewrite(chain, (current, builder) => {
      expect(builder.shape(current.inputs[0]!)).toEqual([N, 4]);
      return undefined;
    });
    const misfit = () =>
      rewrite(chain, (current) => (current.op === 'Neg' ? { ...current, op: 'GlobalMaxPool' } : undefined));
    expect(misfit).toThrow('GlobalMaxPool "h": input 0 has shape [N, 4], and 3 dimensions are the least it can have');
  });

  it('leaves the graph it was given as it was', () => {
    const before = structuredClone(chain);
    rewrite(chain, (current) => (current.op === 'Neg' ? current.inputs[0] : undefined));
    expect(chain).toEqual(before);
  });
});

describe('validate', () => {
  it('gives back a graph that is in order', () => {
    const { graph } = modelOf({ nodes: [node('Relu', ['x'], 'y')] });
    expect(validate(graph)).toBe(graph);
  });

  it('wants nodes in the order they are needed', () => {
    const { graph } = modelOf({ nodes: [node('Neg', ['h'], 'y'), node('Relu', ['x'], 'h')], outputs: ['y'] });
    expect(() => validate(graph)).toThrow(new GraphError('Neg "y" reads value "h", which nothing before it gives'));
  });

  it.each(['constructor', 'toString', '__proto__', 'relu', ''])('knows no op named "%s"', (op) => {
    const { graph } = modelOf({ nodes: [node(op, ['x'], 'y')] });
    expect(() => validate(graph)).toThrow(new GraphError(`"${op}" is no ONNX op`));
  });
});

describe('canonicalise', () => {
  it('keeps an inner value that is asked for as an output', async () => {
    const model = modelOf({
      inputs: { x: [N, 3, 4, 4] },
      initializers: { w: randomTensor([2, 3, 3, 3], 1), one: float32([2], [1, 2]), head: randomTensor([8, 5], 2) },
      nodes: [
        node('Conv', ['x', 'w'], 'conv'),
        node('BatchNormalization', ['conv', 'one', 'one', 'one', 'one'], 'norm'),
        node('Identity', ['norm'], 'layer'),
        node('Relu', ['layer'], 'h'),
        node('Flatten', ['h'], 'flat'),
        node('MatMul', ['flat', 'head'], 'logits'),
      ],
      outputs: ['logits', 'layer', 'conv'],
    });
    const canonical = canonicalise(model);
    expect(canonical.graph.nodes.map(({ op }) => op)).toEqual([
      'Conv',
      'BatchNormalization',
      'Relu',
      'Flatten',
      'MatMul',
    ]);
    await expectSameOutputs(model, canonical);
  });

  it('gives an inner value its batch where it is not the first axis', async () => {
    const model = modelOf({
      inputs: { x: [1, 3, 4] },
      nodes: [
        node('Transpose', ['x'], 'layer', { perm: [1, 0, 2] }),
        node('ReduceSum', ['layer', 'axis'], 'logits', { keepdims: 0 }),
      ],
      initializers: { axis: { type: 'int64', dims: [1], data: BigInt64Array.of(0n) } },
      outputs: ['logits', 'layer'],
    });
    expect(canonicalise(model).graph.outputs.map(({ dims }) => dims)).toEqual([
      [N, 4],
      [3, N, 4],
    ]);
  });
});
