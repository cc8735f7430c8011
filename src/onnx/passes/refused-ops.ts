import { GraphError } from '../../errors.ts';
import { describeNode, type Graph, type Node } from '../graph.ts';

/** Ops that no classifier needs in its float32 form: refused by kind, with the way out, before anything else is read. */

interface Kind {
  readonly ops: RegExp;
  readonly reason: string;
}

const KINDS: readonly Kind[] = [
  {
    ops: /^(Dynamic)?Quantize|^Dequantize|^QLinear|^QGemm$|^QAttention$|^QEmbed|Integer(Bias|ToFloat)?$|NBits$/,
    reason: 'the model is quantised, and its rounding has no gradient: export it in float32',
  },
  {
    ops: /^Sequence|(To|From|Of)Sequence$|^SequenceMap$|^Optional/,
    reason:
      'it makes or reads a Sequence or an Optional, and only tensors are supported: export with torch.onnx.export(..., dynamo=True)',
  },
  {
    ops: /^(If|Loop|Scan)$/,
    reason:
      'what is computed hangs on a condition or a loop: export with torch.onnx.export(..., dynamo=True), which unrolls them',
  },
  {
    ops: /^(LSTM|GRU|RNN)$/,
    reason: 'it is a recurrent layer, which igd has no gradient of: no such classifier can be evaluated',
  },
  {
    ops: /^(Attention|RotaryEmbedding|RMSNormalization|Swish|TensorScatter|CumProd)$/,
    reason: 'igd has no rule for this op of opset 23 and later: export with opset_version=18, which spells it out',
  },
  {
    ops: /^Multinomial$/,
    reason: 'it draws a class, through which no gradient flows: export the model without it',
  },
];

/** Throws GraphError for the first node of a refused kind. */
export function refuseByKind({ nodes }: Graph): void {
  for (const node of nodes) {
    const kind = KINDS.find(({ ops }) => isOfKnownDomain(node) && ops.test(node.op));
    if (kind !== undefined) throw new GraphError(`${describeNode(node)}: ${kind.reason}`);
  }
}

/** onnxruntime keeps most quantised ops in its own domain. */
function isOfKnownDomain({ domain }: Node): boolean {
  return domain === '' || domain === 'com.microsoft';
}
