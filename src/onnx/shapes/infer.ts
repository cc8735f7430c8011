import { GraphError } from '../../errors.ts';
import { type Dim, describeNode, formatDims, type Graph, isBatch, type Node, type ValueInfo } from '../graph.ts';
import { CREATION_RULES } from './creation.ts';
import { ELEMENTWISE_RULES } from './elementwise.ts';
import { withValues } from './evaluate.ts';
import { INDEXING_RULES } from './indexing.ts';
import { LINEAR_RULES, NORMALIZATION_RULES, REDUCTION_RULES } from './layers.ts';
import { MOVEMENT_RULES } from './movement.ts';
import { isFixed, type RuleTable, type TypedShape } from './operands.ts';
import { RESHAPE_RULES } from './reshape.ts';
import { RESIZE_RULES } from './resize.ts';
import { CONVOLUTION_RULES, POOLING_RULES } from './windows.ts';

/** One rule per op of the canonical opset; op families live in files of their own beside this one. */
export const SHAPE_RULES: RuleTable = {
  ...ELEMENTWISE_RULES,
  ...CONVOLUTION_RULES,
  ...POOLING_RULES,
  ...LINEAR_RULES,
  ...REDUCTION_RULES,
  ...NORMALIZATION_RULES,
  ...RESHAPE_RULES,
  ...MOVEMENT_RULES,
  ...RESIZE_RULES,
  ...INDEXING_RULES,
  ...CREATION_RULES,
};

/** Types and shapes of a node's outputs. Throws GraphError naming op and node where the op is unknown or inputs do not fit. */
export function inferNode(node: Node, inputs: readonly (TypedShape | undefined)[]): readonly TypedShape[] {
  const rule = node.domain === '' ? SHAPE_RULES[node.op] : undefined;
  if (rule === undefined)
    throw new GraphError(
      `no shape rule for ${describeNode(node)}, which igd cannot read: write it in other ops, or export with another opset_version`,
    );
  const outputs = rule(node, inputs);
  const fixed = inputs.every((input) => input === undefined || isFixed(input));
  for (const { dims } of outputs) {
    if (!dims.every(isPossible)) throw new GraphError(`${describeNode(node)} would give shape ${formatDims(dims)}`);
    const elements = dims.reduce<number>((total, dim) => total * (isBatch(dim) ? dim.batch : dim), 1);
    const most = fixed ? LARGEST_FIXED : LARGEST;
    if (elements <= most) continue;
    const size = `${Math.round((4 * elements) / 2 ** 30)} GiB`;
    const why =
      fixed && elements <= LARGEST ? 'more than a value has that no image changes' : 'more memory than there is';
    throw new GraphError(`${describeNode(node)} would give shape ${formatDims(dims)}, ${size}: ${why}`);
  }
  return withValues(node, inputs, fixed ? outputs.map((output) => ({ ...output, fixed })) : outputs);
}

/** Elements of one value for one image: 8 GiB of float32, a hundred times what a classifier of photographs has. */
const LARGEST = 2 ** 31;
/** Of one that no image changes, 512 MiB: it is computed while the model is opened, by several sessions. Weights themselves may be larger. */
const LARGEST_FIXED = 2 ** 27;

function isPossible(dim: Dim): boolean {
  const count = isBatch(dim) ? dim.batch : dim;
  return Number.isSafeInteger(count) && count >= 0;
}

/** Types and shapes of every value of a graph, by name. Throws GraphError where a node's inputs do not fit its op. */
export function inferGraph(graph: Graph): Map<string, TypedShape> {
  const values = new Map<string, TypedShape>();
  for (const input of graph.inputs) values.set(input.name, { type: input.type, dims: knownDims(input) });
  for (const [name, tensor] of graph.initializers) {
    values.set(name, { type: tensor.type, dims: tensor.dims, constant: tensor });
  }
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => (name === '' ? undefined : valueNamed(values, name)));
    inferNode(node, inputs).forEach((value, index) => {
      const name = node.outputs[index];
      if (name) values.set(name, value);
    });
  }
  for (const { name } of graph.outputs) valueNamed(values, name);
  return values;
}

/** The shape of an input. Throws GraphError where a dimension other than the batch is dynamic. */
export function knownDims({ name, dims }: ValueInfo): readonly Dim[] {
  if (dims === undefined || !dims.every((dim) => dim !== undefined)) {
    throw new GraphError(
      `input "${name}" has shape ${dims ? formatDims(dims) : 'unknown'}, and only the batch may be dynamic: ` +
        'export the model for one image size',
    );
  }
  return dims;
}

function valueNamed(values: ReadonlyMap<string, TypedShape>, name: string): TypedShape {
  const value = values.get(name);
  if (value === undefined) throw new GraphError(`value "${name}" is used before any node gives it`);
  return value;
}
