import { sizeOf, toNumbers } from '../../numeric/tensor.ts';
import { type Node, sameDim } from '../../onnx/graph.ts';
import type { GraphValues } from './graph-values.ts';

/** Ops that bend a value, each element by itself. */
const NONLINEAR: ReadonlySet<string> = new Set([
  ...['Relu', 'LeakyRelu', 'PRelu', 'ThresholdedRelu', 'Elu', 'Selu', 'Celu', 'Gelu', 'Erf', 'Clip'],
  ...['Sigmoid', 'HardSigmoid', 'HardSwish', 'Tanh', 'Softplus', 'Softsign', 'Mish'],
]);
/** Ops whose output is, element by element, a function of inputs of its shape. */
const ELEMENTWISE: ReadonlySet<string> = new Set([
  ...NONLINEAR,
  ...['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Max', 'Min', 'Where', 'Neg', 'Abs', 'Exp', 'Log', 'Sqrt', 'Reciprocal'],
  ...['Identity', 'Dropout', 'Cast'],
]);

export function isElementwise({ op, domain }: Node): boolean {
  return domain === '' && ELEMENTWISE.has(op);
}

/**
 * The values that are activations, each as one: SiLU is x Sigmoid(x), GELU x (1 + Erf(x / sqrt 2)) / 2, and neither the Sigmoid nor
 * the Erf is a layer. A chain of element-wise nodes on one value and numbers is one function; where it bends, what other nodes
 * read of it is an activation.
 */
export function activationsOf(values: GraphValues): ReadonlySet<string> {
  /** What a value is an element-wise function of, and whether that bends. */
  const functions = new Map<string, { readonly of: string; readonly bends: boolean }>();
  const rootOf = (name: string) => functions.get(name)?.of ?? name;
  for (const node of values.graph.nodes) {
    const operands = operandsOf(node, values);
    const roots = new Set(operands?.map(rootOf));
    const [root] = roots;
    if (operands === undefined || root === undefined || roots.size > 1) continue;
    const bends = isBend(node, values) || operands.some((name) => functions.get(name)?.bends === true);
    functions.set(node.outputs[0]!, { of: root, bends });
  }
  const goesOn = (name: string) =>
    values.readers(name).some(({ outputs: [result = ''] }) => functions.get(result)?.of !== rootOf(name));
  return new Set([...functions].filter(([name, { bends }]) => bends && goesOn(name)).map(([name]) => name));
}

/** The inputs of an element-wise node that are no numbers; undefined where some have another shape than its output. */
function operandsOf(node: Node, values: GraphValues): readonly string[] | undefined {
  if (!isElementwise(node)) return undefined;
  const isNumber = (name: string) => {
    const constant = values.constant(name);
    return constant !== undefined && (sizeOf(constant.dims) === 1 || node.op === 'PRelu');
  };
  const operands = node.inputs.filter((name) => name !== '' && !isNumber(name));
  return operands.every((name) => hasShapeOf(name, node.outputs[0]!, values)) ? operands : undefined;
}

/** A Clip with one bound only keeps a divisor from 0. */
function isBend(node: Node, values: GraphValues): boolean {
  if (node.op !== 'Clip') return NONLINEAR.has(node.op);
  const [low, high] = [1, 2].map((at) => values.constant(node.inputs[at] ?? ''));
  return low !== undefined && (high !== undefined || toNumbers(low)[0] === 0);
}

export function hasShapeOf(a: string, b: string, { dims }: Pick<GraphValues, 'dims'>): boolean {
  const [first, second] = [dims(a), dims(b)];
  return first.length === second.length && first.every((dim, axis) => sameDim(dim, second[axis]!));
}
