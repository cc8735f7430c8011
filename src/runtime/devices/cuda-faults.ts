import { intsOf, type Node, stringOf } from '../../onnx/graph.ts';
import { evenlyCropped, gelu, lpNormalization, mish, tan } from './cuda-forms.ts';
import type { DeviceFault, Remedy } from './device-fault.ts';
import { celu, hardmax, lpPool, mean, meanVarianceNormalization } from './forms.ts';

const OPSET: Remedy = { kind: 'opset' };
const LEAVE: Remedy = { kind: 'leave' };

/** cuDNN crops both sides alike; which of them an automatic pad crops more is not looked at. */
function cropsUnevenly(node: Node): boolean {
  const pads = intsOf(node, 'pads') ?? [];
  const half = pads.length / 2;
  return (
    stringOf(node, 'auto_pad', 'NOTSET').startsWith('SAME') || pads.slice(0, half).join() !== pads.slice(half).join()
  );
}

/**
 * What onnxruntime has no CUDA kernel for, by its list of kernels (OperatorKernels.md) and cuda_execution_provider.cc. A kernel
 * computes a node if it begins at the very version of the op that the graph's opset has, or its range, where it has an end, holds
 * that version: one of "13+" computes no Equal of opset 20, which is of version 19. The list is from before #27728 of
 * microsoft/onnxruntime, and onnxruntime 1.30 may have more kernels; in opset 18 it does not depend on them.
 */
export const CUDA_FAULTS: readonly DeviceFault[] = [
  ...['ConstantOfShape', 'Equal', 'Pad', 'ReduceMax', 'ReduceMin', 'Size'].map((op) => ({
    ...elsewhere(op, OPSET, 'has a kernel up to opset 18 alone'),
    upstream: '#27729',
  })),
  elsewhere('Gelu', { kind: 'rewrite', rule: gelu }, 'has a kernel from opset 20 on alone'),
  {
    ...elsewhere('ConvTranspose', { kind: 'rewrite', rule: evenlyCropped }, 'has no form with pads that differ'),
    when: cropsUnevenly,
  },
  elsewhere('Celu', { kind: 'rewrite', rule: celu }),
  elsewhere('Hardmax', { kind: 'rewrite', rule: hardmax }),
  elsewhere('LpNormalization', { kind: 'rewrite', rule: lpNormalization }),
  elsewhere('LpPool', { kind: 'rewrite', rule: lpPool }),
  elsewhere('Mean', { kind: 'rewrite', rule: mean }),
  elsewhere('MeanVarianceNormalization', { kind: 'rewrite', rule: meanVarianceNormalization }),
  elsewhere('Mish', { kind: 'rewrite', rule: mish }),
  elsewhere('Tan', { kind: 'rewrite', rule: tan }),
  ...['Sinh', 'Cosh', 'Asin', 'Acos', 'Atan', 'Acosh', 'Atanh'].map((op) => elsewhere(op, LEAVE)),
];

function elsewhere(op: string, remedy: Remedy, what = 'has no kernel'): DeviceFault {
  return { device: 'cuda', op, effect: 'elsewhere', what, remedy };
}
