import { type ElementType, float32, sizeOf, type Tensor } from '../../numeric/tensor.ts';
import { type Dim, intOf, isBatch, type Node } from '../graph.ts';
import { ARITHMETIC } from './arithmetic.ts';
import { numbersIn, product } from './dims.ts';
import { type Evaluator, entriesOf, type Known, type TypedShape } from './operands.ts';
import { isNumeric } from './positions.ts';
import { REARRANGEMENTS } from './rearrange.ts';

/**
 * Values that are known before anything runs: constants, and the integer arithmetic that exports do on the dimensions
 * Shape gives. Both are computed by one table.
 */

const EVALUATORS: Readonly<Record<string, Evaluator>> = { ...ARITHMETIC, ...REARRANGEMENTS };

/** What inference keeps as it goes; `fold` computes larger constants once. */
const SMALL = 1024;

/** The outputs of a node with their values added, where its inputs are known and the result is small. */
export function withValues(
  node: Node,
  inputs: readonly (TypedShape | undefined)[],
  outputs: readonly TypedShape[],
): readonly TypedShape[] {
  const [first] = outputs;
  if (first === undefined || first.constant) return outputs;
  const count = product(first.dims);
  if (count === undefined || isBatch(count) || count > SMALL) return outputs;
  return [evaluated(node, inputs, first), ...outputs.slice(1)];
}

/** `output` with its value, where that can be computed from what is known of the inputs. */
export function evaluated(node: Node, inputs: readonly (TypedShape | undefined)[], output: TypedShape): TypedShape {
  const dims = numbersIn(output.dims);
  if (dims === undefined) return output;
  const target = { type: output.type, dims };
  const entries = READERS[node.op]?.(node, inputs) ?? computed(node, inputs, target);
  return entries === undefined ? output : { ...output, ...valueFrom(target, entries) };
}

function computed(node: Node, inputs: readonly (TypedShape | undefined)[], output: Omit<Known, 'entries'>) {
  const evaluate = EVALUATORS[node.op];
  if (evaluate === undefined || isHalf(output.type)) return undefined;
  const operands = inputs.map((input) => input && knownOf(input));
  if (operands.some((operand, index) => operand === undefined && inputs[index] !== undefined)) return undefined;
  return evaluate(node, operands, output);
}

/** The two ops that need the shape of their input and not its value. */
const READERS: Readonly<
  Record<string, (node: Node, inputs: readonly (TypedShape | undefined)[]) => Dim[] | undefined>
> = {
  Shape: (node, [input]) => input?.dims.slice(intOf(node, 'start', 0), intOf(node, 'end', input.dims.length)),
  Size: (_, [input]) => {
    const count = input && product(input.dims);
    return count === undefined ? undefined : [count];
  },
};

function knownOf(value: TypedShape): Known | undefined {
  const { constant, type } = value;
  const dims = numbersIn(value.dims);
  if (dims === undefined || isHalf(type)) return undefined;
  if (constant && !(constant.data instanceof BigInt64Array || constant.data instanceof BigUint64Array)) {
    return { type, dims, entries: constant.data };
  }
  const entries = entriesOf(value);
  return entries && { type, dims, entries };
}

function valueFrom(output: Omit<Known, 'entries'>, entries: ArrayLike<Dim | undefined>): Partial<TypedShape> {
  if (isNumeric(entries)) return { constant: tensorOf(output, entries) };
  const list = Array.from(entries);
  if (!list.every((entry) => entry !== undefined)) return {};
  const numbers = numbersIn(list);
  if (numbers) return { constant: tensorOf(output, numbers) };
  return output.dims.length <= 1 ? { symbolic: list } : {};
}

/** The 16-bit floats are bit patterns: they are moved, never computed with. */
function isHalf(type: ElementType): boolean {
  return type === 'float16' || type === 'bfloat16';
}

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** A float that no integer can hold becomes the nearest one that it can, as ends of slices do (INT64_MAX). */
function toInt64(value: number): bigint {
  if (Number.isNaN(value)) return 0n;
  if (value >= Number(INT64_MAX)) return INT64_MAX;
  return value <= Number(INT64_MIN) ? INT64_MIN : BigInt(Math.trunc(value));
}

function tensorOf({ type, dims }: Omit<Known, 'entries'>, values: ArrayLike<number>): Tensor | undefined {
  if (values.length !== sizeOf(dims)) return undefined;
  return BUILDERS[type]?.(dims, values);
}

const BUILDERS: Readonly<Partial<Record<ElementType, (dims: readonly number[], values: ArrayLike<number>) => Tensor>>> =
  {
    float32: (dims, values) => float32(dims, new Float32Array(values)),
    float64: (dims, values) => ({ type: 'float64', dims, data: new Float64Array(values) }),
    int8: (dims, values) => ({ type: 'int8', dims, data: new Int8Array(values) }),
    uint8: (dims, values) => ({ type: 'uint8', dims, data: new Uint8Array(values) }),
    int16: (dims, values) => ({ type: 'int16', dims, data: new Int16Array(values) }),
    uint16: (dims, values) => ({ type: 'uint16', dims, data: new Uint16Array(values) }),
    int32: (dims, values) => ({ type: 'int32', dims, data: new Int32Array(values) }),
    uint32: (dims, values) => ({ type: 'uint32', dims, data: new Uint32Array(values) }),
    int64: (dims, values) => ({ type: 'int64', dims, data: BigInt64Array.from(Array.from(values, toInt64)) }),
    bool: (dims, values) => ({ type: 'bool', dims, data: new Uint8Array(values) }),
  };
