import type { GraphBuilder } from '../../onnx/builder.ts';
import type { Node } from '../../onnx/graph.ts';
import type { Rule } from '../../onnx/passes/rewrite.ts';
import type { Device } from '../../schemas/config.ts';

/** What is asked of a node, its inputs known to the builder. */
export type NodeTest = (node: Node, builder: GraphBuilder) => boolean;

/**
 * What becomes of a node that a device has a fault with: another form in its place, or in that of `of`, which reads it; one option
 * for the whole session; an older operator set for the whole graph; a refusal before anything is computed; or nothing, where the
 * CPU computes it and there is no simple form.
 */
export type Remedy =
  | { readonly kind: 'rewrite'; readonly rule: Rule; readonly of?: string }
  | { readonly kind: 'option'; readonly option: 'preferredLayout' }
  | { readonly kind: 'opset' }
  | { readonly kind: 'refuse' }
  | { readonly kind: 'leave' };

/** Something that an execution provider of onnxruntime cannot do, or does wrongly. */
export interface DeviceFault {
  readonly device: Exclude<Device, 'cpu'>;
  readonly op: string;
  /** Which nodes of that op; all by default. */
  readonly when?: NodeTest;
  /** `wrong` another number, `fails` an error when run, `elsewhere` computed by the CPU, for which the device waits. */
  readonly effect: 'wrong' | 'fails' | 'elsewhere';
  /** For messages and for docs/gpu.md: what there is to know of it. */
  readonly what: string;
  /** Issue or pull request of microsoft/onnxruntime that has it, or seems to. */
  readonly upstream?: string;
  readonly remedy: Remedy;
}
