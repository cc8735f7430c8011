import { GraphError } from '../../errors.ts';
import { GraphBuilder } from '../../onnx/builder.ts';
import { describeNode, type Graph, type Model, type Node } from '../../onnx/graph.ts';
import { type Rule, rewrite } from '../../onnx/passes/rewrite.ts';
import type { Device } from '../../schemas/config.ts';
import { CUDA_FAULTS } from './cuda-faults.ts';
import { atOpset18 } from './cuda-opset.ts';
import type { DeviceFault } from './device-fault.ts';
import { WEBGPU_FAULTS } from './webgpu-faults.ts';

/** Everything known of the devices' faults, in one table. */
export const DEVICE_FAULTS: readonly DeviceFault[] = [...WEBGPU_FAULTS, ...CUDA_FAULTS];

/**
 * The model in a form that the device computes, and computes right: the same function with other ops where a provider of
 * onnxruntime has none or a wrong one. Throws GraphError naming op and node where there is no such form.
 */
export function forDevice(model: Model, device: Device): Model {
  const faults = DEVICE_FAULTS.filter((fault) => fault.device === device);
  if (faults.length === 0) return model;
  const graph = rewrite(model.graph, ruleFor(faults));
  requireNoneLeft(graph, faults, device);
  const adapted = { ...model, graph };
  return faults.some(({ remedy }) => remedy.kind === 'opset') ? atOpset18(adapted) : adapted;
}

function ruleFor(faults: readonly DeviceFault[]): Rule {
  return (written, builder) => {
    const node = withoutLastInputs(written);
    for (const { op, when, remedy } of faultsOf(node, faults)) {
      if (remedy.kind !== 'rewrite') continue;
      const applies = (remedy.of ?? op) !== op || (when?.(node, builder) ?? true);
      const result = applies ? remedy.rule(node, builder) : undefined;
      if (result !== undefined) return result;
    }
    return node;
  };
}

/** Inputs that are left out at the end are left out: WebGPU's convolutions end the process where they are named "". */
function withoutLastInputs(node: Node): Node {
  const last = node.inputs.findLastIndex((name) => name !== '');
  return last === node.inputs.length - 1 ? node : { ...node, inputs: node.inputs.slice(0, last + 1) };
}

/** Faults whose remedy begins at this op. */
function faultsOf({ op, domain }: Node, faults: readonly DeviceFault[]): readonly DeviceFault[] {
  if (domain !== '') return [];
  return faults.filter(({ op: faulty, remedy }) => ((remedy.kind === 'rewrite' && remedy.of) || faulty) === op);
}

/** Nothing that fails when it is run, or computes something else, is left in the graph. */
function requireNoneLeft(graph: Graph, faults: readonly DeviceFault[], device: Device): void {
  const severe = faults.filter(({ effect, remedy }) => effect !== 'elsewhere' && remedy.kind !== 'option');
  const builder = GraphBuilder.from(graph);
  for (const node of graph.nodes) {
    const fault = severe.find(
      ({ op, when }) => node.domain === '' && op === node.op && (when?.(node, builder) ?? true),
    );
    if (fault === undefined) continue;
    throw new GraphError(
      `${device} cannot compute ${describeNode(node)}: it ${fault.what}. Compute on another device (--device, compute.device)`,
    );
  }
}
