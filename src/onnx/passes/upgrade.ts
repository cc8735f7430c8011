import { GraphError } from '../../errors.ts';
import { CANONICAL_IR_VERSION, CANONICAL_OPSET, type GraphBuilder } from '../builder.ts';
import { describeNode, floatOf, type Model, type Node } from '../graph.ts';
import { padOfAllAxes } from '../pads.ts';
import { constantTensor } from '../shapes/creation.ts';
import { foldedAsConvTranspose } from './col2im.ts';
import { einsumAsProducts } from './einsum.ts';
import { drawsAsInputs } from './random.ts';
import { refuseByKind } from './refused-ops.ts';
import { type Rule, rewrite } from './rewrite.ts';
import {
  axesToInput,
  batchNormalization,
  castTo,
  celuOfSomeAlpha,
  clipBounds,
  coercedSoftmax,
  convPads,
  dropoutAtInference,
  groupNormalization,
  padInputs,
  resizeFromScales,
  sliceInputs,
  splitInputs,
  topKInput,
} from './upgrade-rules.ts';

const OLDEST = 9;
/** The newest that onnxruntime 1.30 loads. Since 20 only new ops and element types came, and attributes with a default. */
const NEWEST = 26;

/** A rule for nodes of an operator set before `below`, which says the same in the canonical one. */
interface Change {
  readonly below: number;
  readonly rule: (node: Node, builder: GraphBuilder, opset: number) => ReturnType<Rule>;
}

/**
 * The ops that are written differently in the canonical opset, by the version that changed them; all others only gained
 * element types or attributes with a default. https://github.com/onnx/onnx/blob/main/docs/Changelog.md
 */
const CHANGES: Readonly<Record<string, Change>> = {
  Constant: {
    below: Number.POSITIVE_INFINITY,
    rule: (node, builder) => builder.initializer(node.outputs[0]!, constantTensor(node)),
  },
  Squeeze: { below: 13, rule: axesToInput },
  Unsqueeze: { below: 13, rule: axesToInput },
  ReduceSum: { below: 13, rule: axesToInput },
  ReduceMean: { below: 18, rule: axesToInput },
  ReduceMax: { below: 18, rule: axesToInput },
  ReduceMin: { below: 18, rule: axesToInput },
  ReduceProd: { below: 18, rule: axesToInput },
  ReduceL1: { below: 18, rule: axesToInput },
  ReduceL2: { below: 18, rule: axesToInput },
  ReduceSumSquare: { below: 18, rule: axesToInput },
  ReduceLogSum: { below: 18, rule: axesToInput },
  ReduceLogSumExp: { below: 18, rule: axesToInput },
  Split: { below: 18, rule: splitInputs },
  Slice: { below: 10, rule: sliceInputs },
  Pad: {
    below: Number.POSITIVE_INFINITY,
    rule: (node, builder, opset) => (opset < 11 ? padInputs : padOfAllAxes)(node, builder),
  },
  Clip: { below: 11, rule: clipBounds },
  TopK: { below: 10, rule: topKInput },
  Dropout: { below: 12, rule: dropoutAtInference },
  BatchNormalization: { below: Number.POSITIVE_INFINITY, rule: batchNormalization },
  CastLike: { below: Number.POSITIVE_INFINITY, rule: castTo },
  Celu: { below: Number.POSITIVE_INFINITY, rule: celuOfSomeAlpha },
  Conv: { below: Number.POSITIVE_INFINITY, rule: convPads },
  Softmax: { below: 13, rule: coercedSoftmax },
  LogSoftmax: { below: 13, rule: coercedSoftmax },
  Hardmax: { below: 13, rule: coercedSoftmax },
  Upsample: { below: 10, rule: resizeFromScales },
  Resize: { below: 11, rule: resizeFromScales },
  Scatter: { below: 11, rule: (node) => ({ ...node, op: 'ScatterElements' }) },
  Col2Im: { below: Number.POSITIVE_INFINITY, rule: foldedAsConvTranspose },
  Einsum: { below: Number.POSITIVE_INFINITY, rule: einsumAsProducts },
  GroupNormalization: { below: Number.POSITIVE_INFINITY, rule: groupNormalization },
};

/** The model in the canonical operator set. Throws GraphError where its own is too old or new, or an op is foreign. */
export function upgrade(model: Model): Model {
  const opset = model.opsets.get('');
  if (opset === undefined || opset < OLDEST || opset > NEWEST) {
    throw new GraphError(
      `opset ${opset ?? 'unknown'} is not one of ${OLDEST} to ${NEWEST}: export the model with opset 17`,
    );
  }
  refuseFunctions(model);
  refuseByKind(model.graph);
  const drawn = drawsAsInputs(model.graph);
  const graph = rewrite(
    model.graph,
    (node, builder) => drawn(node, builder) ?? ruleFor(node, opset)?.(node, builder, opset),
  );
  return { graph, opsets: new Map([['', CANONICAL_OPSET]]), irVersion: CANONICAL_IR_VERSION };
}

/** ModelProto.functions, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto: the file's own ops. */
const FUNCTIONS = 25;

/** Throws GraphError for a node that no op but a function of the file is: what it computes is written elsewhere. */
function refuseFunctions({ graph, source }: Model): void {
  if (!source?.$unknown?.some(({ no }) => no === FUNCTIONS)) return;
  const called = graph.nodes.find(({ domain, op }) => domain !== '' && FOREIGN[`${domain}.${op}`] === undefined);
  if (called === undefined) return;
  throw new GraphError(
    `${describeNode(called)} is of domain "${called.domain}", and the file has functions of its own: write them out, ` +
      'onnx.save(onnx.inliner.inline_local_functions(onnx.load("model.onnx")), "inlined.onnx")',
  );
}

function ruleFor(node: Node, opset: number): Change['rule'] | undefined {
  if (node.domain !== '') return foreignRule(node);
  const change = CHANGES[node.op];
  return change && opset < change.below ? change.rule : undefined;
}

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
function foreignRule(node: Node): (node: Node, builder: GraphBuilder) => Node {
  const rule = FOREIGN[`${node.domain}.${node.op}`];
  if (rule !== undefined) return rule;
  throw new GraphError(
    `${describeNode(node)} is of domain "${node.domain}": only standard ONNX ops are supported; ` +
      'export the model without optimising it for one runtime',
  );
}
