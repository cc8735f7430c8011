import { describe, expect, it } from 'vitest';
import { checkGradient } from '../../../../src/onnx/autodiff/check-gradient.ts';
import { isBatch } from '../../../../src/onnx/graph.ts';
import { FAMILIES, readCases, uniform, withSessions } from './support.ts';

/** Finite differences of float32 computations, and steps over kinks. */
const TOLERANCE = 3e-3;

/** The graphs of the PyTorch cases again, at another point and batch size: PyTorch and igd may not err together. */
describe.each(FAMILIES)('gradients fit finite differences: %s', (family) => {
  it.each(readCases(family))('$name', async ({ name, build, x }) => {
    const model = build();
    const batch = isBatch(model.graph.inputs[0]!.dims![0]!) ? 3 : x.dims[0]!;
    const point = uniform(`${name}, elsewhere`, [batch, ...x.dims.slice(1)], Math.min(...x.data), Math.max(...x.data));
    const report = await withSessions((evaluate) => checkGradient(model, point, evaluate, { tolerance: TOLERANCE }));
    expect(report).toMatchObject({ ok: true, suspects: [] });
  });
});
