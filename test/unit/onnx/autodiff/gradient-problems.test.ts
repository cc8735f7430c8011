import { describe, expect, it } from 'vitest';
import { gradientProblems } from '../../../../src/onnx/autodiff/gradient-problems.ts';
import { modelOf, uniform } from './support.ts';

describe('gradientProblems', () => {
  it('names the nodes whose op has no rule, where a gradient is asked of them', () => {
    const { graph } = modelOf([3], (builder, x) => {
      const product = builder.op('ReduceProd', [x, builder.ints([1])], {}, { name: 'first' });
      const other = builder.op('ReduceProd', [builder.op('Exp', [x]), builder.ints([1])], {}, { name: 'second' });
      // Of a value that does not depend on the input no gradient is asked.
      const fixed = builder.op('ReduceProd', [builder.initializer('w', uniform('w', [1, 40])), builder.ints([1])]);
      return builder.op('Sum', [product, other, fixed]);
    });
    expect([...gradientProblems(graph)].sort()).toEqual([
      expect.stringMatching(/^no gradient rule for ReduceProd "first": .*x is 0/),
      expect.stringMatching(/^no gradient rule for ReduceProd "second": /),
    ]);
  });

  it('asks the rules: an op may have one, and not for all that its attributes say', () => {
    const resized = (antialias: number) =>
      modelOf([2, 4, 4], (builder, x) => {
        const attributes = { mode: 'linear', axes: [2, 3], antialias };
        return builder.op('Resize', [x, '', '', builder.ints([2, 2])], attributes, { name: 'smaller' });
      });
    expect(gradientProblems(resized(0).graph)).toEqual([]);
    expect(gradientProblems(resized(1).graph)).toEqual(['Resize "smaller": no gradient rule for antialiasing']);
  });

  it('tells where nothing lets a gradient through', () => {
    const { graph } = modelOf([3], (builder, x) =>
      builder.op('Exp', [builder.op('Round', [x], {}, { name: 'steps' })]),
    );
    expect(gradientProblems(graph)).toEqual([
      expect.stringMatching(/does not change smoothly with "x": no gradient passes Round "steps"$/),
    ]);
    const { graph: beside } = modelOf([3], (builder, x) => builder.op('Add', [builder.op('Round', [x]), x]));
    expect(gradientProblems(beside)).toEqual([]);
  });
});
