import { GraphError } from '../../contracts/errors.ts';
import type { GraphBuilder } from '../builder.ts';
import { describeNode, floatOf, type Node } from '../graph.ts';

/** Ops of other domains that standard ones say simply, as onnxruntime's optimiser and some exporters write them. */
const FOREIGN: Readonly<Record<string, (node: Node, builder: GraphBuilder) => Node>> = {
  'com.microsoft.Gelu': (node) => ({ ...node, domain: '', op: 'Gelu', attributes: {} }),
  'com.microsoft.QuickGelu': (node, builder) => {
    const [input = ''] = node.inputs;
    const scaled = builder.op('Mul', [input, builder.constant(floatOf(node, 'alpha', 1.702))]);
    return { ...node, domain: '', op: 'Mul', inputs: [input, builder.op('Sigmoid', [scaled])], attributes: {} };
  },
};

/** The rule for a node of another domain. Throws GraphError where there is none. */
export function foreignRule(node: Node): (node: Node, builder: GraphBuilder) => Node {
  const rule = FOREIGN[`${node.domain}.${node.op}`];
  if (rule !== undefined) return rule;
  throw new GraphError(
    `${describeNode(node)} is of domain "${node.domain}": only standard ONNX ops are supported; ` +
      'export the model without optimising it for one runtime',
  );
}
