import { describe, expect, it } from 'vitest';
import type { ElementType, Tensor } from '../../../../src/numeric/tensor.ts';
import { ELEMENT_CODES } from '../../../../src/onnx/element-types.ts';
import { canonicalise } from '../../../../src/onnx/passes/canonicalise.ts';
import { otherFloats, toFloat32 } from '../../../../src/onnx/passes/float32.ts';
import { modelOf, node } from '../support/models.ts';
import { maxDifference, randomTensor, runOrt } from '../support/run.ts';

/** 1, -2, 0.5, 65504 (the largest half) and minus infinity. */
const HALVES = Uint16Array.of(0x3c00, 0xc000, 0x3800, 0x7bff, 0xfc00);

describe('toFloat32', () => {
  const narrow: [string, Tensor, number[]][] = [
    ['float16', { type: 'float16', dims: [5], data: HALVES }, [1, -2, 0.5, 65504, Number.NEGATIVE_INFINITY]],
    ['bfloat16', { type: 'bfloat16', dims: [2], data: Uint16Array.of(0x3f80, 0xc000) }, [1, -2]],
    ['float64', { type: 'float64', dims: [2], data: Float64Array.of(0.1, 3) }, [Math.fround(0.1), 3]],
  ];
  it.each(narrow)('widens weights of %s, and inputs and outputs with them', (type, tensor, values) => {
    const element = type as ElementType;
    const { graph } = modelOf({
      inputType: element,
      outputType: element,
      initializers: { w: tensor },
      nodes: [
        node('Constant', [], 'c', { value: { kind: 'tensor', value: tensor } }),
        node('Cast', ['x'], 'h', { to: ELEMENT_CODES[element] }),
        node('Cast', ['h'], 'y', { to: ELEMENT_CODES.int64 }),
      ],
    });
    const wide = toFloat32(graph);
    expect(wide.inputs[0]!.type).toBe('float32');
    expect(wide.outputs[0]!.type).toBe('float32');
    expect(Array.from(wide.initializers.get('w')!.data as Float32Array)).toEqual(values);
    expect(wide.nodes.map(({ attributes }) => attributes)).toMatchObject([
      { value: { value: { type: 'float32' } } },
      { to: { value: ELEMENT_CODES.float32 } },
      { to: { value: ELEMENT_CODES.int64 } },
    ]);
  });

  it('a model in half precision gives what it gave, to half precision', async () => {
    const half = ELEMENT_CODES.float16;
    const model = modelOf({
      initializers: { w: { type: 'float16', dims: [4], data: HALVES.slice(0, 4) } },
      nodes: [
        node('Cast', ['x'], 'h', { to: half }),
        node('Mul', ['h', 'w'], 'm'),
        node('Cast', ['m'], 'y', { to: ELEMENT_CODES.float32 }),
      ],
    });
    const canonical = canonicalise(model);
    expect(canonical.graph.nodes.map(({ op }) => op)).toEqual(['Mul']);
    const x = randomTensor([2, 4], 5);
    const [before, after] = [await runOrt(model, { x }), await runOrt(canonical, { x })];
    expect(maxDifference(after.y!, before.y!)).toBeLessThan(65504 / 1024);
  });

  it('says which other floats there were', () => {
    const weights: Tensor = { type: 'float64', dims: [4], data: new Float64Array(4) };
    const nodes = [node('Cast', ['x'], 'h', { to: ELEMENT_CODES.float16 }), node('Mul', ['h', 'w'], 'y')];
    expect(otherFloats(modelOf({ initializers: { w: weights }, nodes }).graph)).toEqual(['float16', 'float64']);
    expect(otherFloats(modelOf({ nodes: [node('Cast', ['x'], 'y', { to: ELEMENT_CODES.int64 })] }).graph)).toEqual([]);
  });

  it('leaves float32 alone', () => {
    const { graph } = modelOf({ nodes: [node('Relu', ['x'], 'y')] });
    expect(toFloat32(graph)).toEqual(graph);
  });
});
