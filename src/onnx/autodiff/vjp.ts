import { GraphError } from '../../errors.ts';
import { GraphBuilder } from '../builder.ts';
import { describeNode, formatDims, type Model, type Node, type ValueInfo } from '../graph.ts';
import type { GradientRule, GradientTable } from './rule.ts';
import { GRADIENT_RULES, NON_DIFFERENTIABLE, UNSUPPORTED } from './rule-table.ts';
import { sameDims, zerosLike } from './shape-helpers.ts';
import { isSteep } from './steep-ops.ts';

/**
 * Appends the nodes that compute the vector-Jacobian product of `output` with respect to `input`, by reverse-mode
 * differentiation of the nodes between the two. Throws GraphError naming op and node where a rule is missing.
 *
 * @param cotangent a value of the shape of `output`
 * @param rules other rules than those of the table: a straight-through estimator for Round, say
 * @returns the name of the gradient, of the shape of `input`; zeros where `output` does not depend on it
 */
export function appendGradient(
  builder: GraphBuilder,
  output: string,
  cotangent: string,
  input: string,
  rules: GradientTable = GRADIENT_RULES,
): string {
  const [given, wanted] = [builder.shape(cotangent), builder.shape(output)];
  if (!sameDims(given, wanted)) {
    throw new GraphError(`a cotangent of shape ${formatDims(given)} for "${output}" of shape ${formatDims(wanted)}`);
  }
  const nodes = [...builder.nodes];
  const dependent = differentiableFrom(nodes, [input], rules, (name) => FLOATS.has(builder.type(name)));
  if (!dependent.has(output)) return zerosLike(builder, input);
  const gradients = new Map([[output, cotangent]]);
  /** Values whose gradient comes through a steep op. */
  const unbounded = new Set<string>();
  const accumulate = (name: string, gradient: string) => {
    const sum = gradients.get(name);
    gradients.set(name, sum === undefined ? gradient : builder.op('Add', [sum, gradient]));
  };
  for (const node of nodes.reverse()) {
    const outputGradients = node.outputs.map((name) => gradients.get(name));
    const needs = (index: number) => dependent.has(node.inputs[index] ?? '');
    const isOnPath =
      outputGradients.some((gradient) => gradient !== undefined) && node.inputs.some((_, at) => needs(at));
    if (!isOnPath) continue;
    checkFloat32(builder, node);
    const selects = node.outputs.some((name) => unbounded.has(name));
    const spreads = selects || isSteep(builder, node);
    const inputGradients = ruleOf(rules, node)({ builder, needs, selects }, node, outputGradients);
    for (const [index, gradient] of inputGradients.entries()) {
      if (gradient === undefined || !needs(index)) continue;
      accumulate(node.inputs[index]!, gradient);
      if (spreads) unbounded.add(node.inputs[index]!);
    }
  }
  return gradients.get(input) ?? zerosLike(builder, input);
}

/** Names that `gradientModel` gives the input and the output it adds. */
export const COTANGENT = 'cotangent';
export const GRADIENT = 'gradient';

/**
 * The model of input x and output logits [N, C], with a second input `cotangent` [N, C] and a second output `gradient`,
 * the cotangent's product with the Jacobian of the logits, of the shape of x.
 */
export function gradientModel(model: Model, rules: GradientTable = GRADIENT_RULES): Model {
  const { graph } = model;
  const input = onlyOne(graph.inputs, 'input');
  const output = onlyOne(graph.outputs, 'output');
  const builder = GraphBuilder.from(graph);
  for (const name of [COTANGENT, GRADIENT]) {
    if (builder.has(name)) throw new GraphError(`the model has a value named "${name}", which is to be the gradient's`);
  }
  const cotangent = builder.input(COTANGENT, builder.shape(output.name));
  const gradient = appendGradient(builder, output.name, cotangent, input.name, rules);
  builder.op('Identity', [gradient], {}, { outputs: [GRADIENT] });
  return builder.build([output.name, GRADIENT], graph.name);
}

const FLOATS: ReadonlySet<string> = new Set(['float16', 'bfloat16', 'float32', 'float64']);

/** Names of the values that depend differentiably on `sources`: what is no float does not, nor what jumps. */
function differentiableFrom(
  nodes: readonly Node[],
  sources: readonly string[],
  rules: GradientTable,
  isFloat: (name: string) => boolean,
): ReadonlySet<string> {
  const reached = new Set(sources);
  for (const node of nodes) {
    if (isFlat(rules, node) || !node.inputs.some((name) => reached.has(name))) continue;
    for (const name of node.outputs) if (name !== '' && isFloat(name)) reached.add(name);
  }
  return reached;
}

/** A rule given for an op of the list, such as a straight-through estimator, takes precedence. */
function isFlat(rules: GradientTable, node: Node): boolean {
  return NON_DIFFERENTIABLE.has(node.op) && findRule(rules, node) === undefined;
}

/** The constants that rules write are float32, and float32 is what the numbers of an attack are in. */
function checkFloat32(builder: GraphBuilder, node: Node): void {
  const other = [...node.inputs, ...node.outputs].find(
    (name) => name !== '' && builder.type(name) !== 'float32' && FLOATS.has(builder.type(name)),
  );
  if (other !== undefined) {
    throw new GraphError(
      `no gradient through ${describeNode(node)}: "${other}" is ${builder.type(other)}; export the model in float32`,
    );
  }
}

function ruleOf(rules: GradientTable, node: Node): GradientRule {
  const rule = findRule(rules, node);
  if (rule !== undefined) return rule;
  const reason = node.domain === '' ? UNSUPPORTED.get(node.op) : undefined;
  throw new GraphError(`no gradient rule for ${describeNode(node)}${reason ? `: ${reason}` : ''}`);
}

function findRule(rules: GradientTable, node: Node): GradientRule | undefined {
  return node.domain === '' && Object.hasOwn(rules, node.op) ? rules[node.op] : undefined;
}

function onlyOne(values: readonly ValueInfo[], what: string): ValueInfo {
  const [first, ...rest] = values;
  if (first !== undefined && rest.length === 0) return first;
  throw new GraphError(`a gradient is taken of one ${what}, and the model has ${values.length}`);
}
