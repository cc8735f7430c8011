import { expect, it } from 'vitest';
import { appendGradient, COTANGENT } from '../../src/onnx/autodiff/vjp.ts';
import { GraphBuilder } from '../../src/onnx/builder.ts';
import type { Model } from '../../src/onnx/graph.ts';
import { FAMILIES, readCases, relativeDifference } from '../unit/onnx/autodiff/support.ts';
import { describeOnWebGpu, foreignOps, runProfiled } from './support.ts';

/** As on the CPU: test/unit/onnx/autodiff/pytorch.test.ts. */
const TOLERANCE = 1e-5;

/** Cases that are refused, in words. */
const REFUSED: Readonly<Record<string, string>> = {
  'Conv 3-D stride 2': 'GraphError: webgpu cannot compute ConvTranspose "ConvTranspose_0": it has no 3-D form. ',
};

describeOnWebGpu('gradients and values on WebGPU', () => {
  it.each(FAMILIES)('equal those of PyTorch: %s', async (family) => {
    const problems: string[] = [];
    for (const { name, build, x, cotangent, gradient } of readCases(family)) {
      const model = build();
      const feeds = { x, [COTANGENT]: cotangent };
      const run = await runProfiled(gradientOf(model), feeds).catch((error: unknown) => String(error));
      if (typeof run === 'string') {
        if (!run.startsWith(REFUSED[name] ?? 'never')) problems.push(`${name}: ${run}`);
      } else {
        const difference = relativeDifference(Object.values(run.outputs)[0]!, gradient.data);
        if (!(difference < TOLERANCE)) problems.push(`${name}: off by ${difference}`);
        const foreign = foreignOps(run.nodes);
        if (foreign.length > 0) problems.push(`${name}: ${foreign.join()} elsewhere`);
      }
    }
    expect(problems).toEqual([]);
  });
});

function gradientOf({ graph }: Model): Model {
  const builder = GraphBuilder.from(graph);
  const output = graph.outputs[0]!.name;
  return builder.build([appendGradient(builder, output, builder.input(COTANGENT, builder.shape(output)), 'x')]);
}
