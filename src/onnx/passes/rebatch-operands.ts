import { toNumbers } from '../../tensor/tensor.ts';
import type { GraphBuilder } from '../builder.ts';
import { isBatch, type Node } from '../graph.ts';
import { fail } from '../shapes/operands.ts';

/**
 * A frozen graph can hold constants with one row per image of its batch (a class token expanded to it, say). Such rows are
 * equal: one of them broadcasts, and is expanded to N where it is joined with the images.
 */
export function adaptOperands(node: Node, size: number, builder: GraphBuilder): Node {
  const adapt = BROADCASTING.has(node.op) ? oneRow : ADAPTERS[node.op];
  if (adapt === undefined) return node;
  const batched = node.inputs.find((name) => name !== '' && batchAxis(name, builder) !== -1)!;
  const inputs = node.inputs.map((name) => {
    const constant = name !== '' && batchAxis(name, builder) === -1;
    return constant ? adapt(node, name, { batched, size }, builder) : name;
  });
  return { ...node, inputs };
}

/** An input that depends on the images, and the size their batch was frozen at. */
interface Batch {
  readonly batched: string;
  readonly size: number;
}

type Adapt = (node: Node, operand: string, batch: Batch, builder: GraphBuilder) => string;

const BROADCASTING: ReadonlySet<string> = new Set([
  ...['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Mod', 'Min', 'Max', 'Sum', 'Mean', 'PRelu', 'Where', 'Gemm', 'MatMul'],
  ...['Equal', 'Less', 'Greater', 'LessOrEqual', 'GreaterOrEqual', 'And', 'Or', 'Xor'],
]);

const ADAPTERS: Readonly<Record<string, Adapt>> = {
  /** Joined along another axis, so there has to be a row for every image. */
  Concat: (node, operand, batch, builder) => {
    const axis = batchAxis(batch.batched, builder);
    const row = oneRow(node, operand, batch, builder);
    const ones = (count: number) => builder.ints(Array<number>(count).fill(1));
    const size = builder.op('Shape', [batch.batched], { start: axis, end: axis + 1 });
    const parts = [ones(axis), size, ones(builder.shape(operand).length - axis - 1)];
    return builder.op('Expand', [row, builder.op('Concat', parts, { axis: 0 })]);
  },
};

/** The operand with one row where it has one for each of several images; axes are aligned from the end. */
function oneRow(node: Node, operand: string, { batched, size }: Batch, builder: GraphBuilder): string {
  const dims = builder.shape(operand);
  const axis = dims.length - builder.shape(batched).length + batchAxis(batched, builder);
  if (size === 1 || axis < 0 || dims[axis] !== size || isMatrixAxis(node, operand, dims.length - axis)) return operand;
  const constant = builder.constantOf(operand);
  if (constant === undefined || !rowsAreEqual(toNumbers(constant), constant.dims, axis)) {
    fail(node, `"${operand}" is not the same for every image of the batch of ${size}`);
  }
  return builder.op('Slice', [operand, builder.ints([0]), builder.ints([1]), builder.ints([axis])]);
}

/** The last two dimensions of the factors of a product hold no images, whatever their lengths. */
function isMatrixAxis(node: Node, operand: string, fromEnd: number): boolean {
  return (node.op === 'MatMul' || (node.op === 'Gemm' && operand !== node.inputs[2])) && fromEnd <= 2;
}

function rowsAreEqual(values: readonly number[], dims: readonly number[], axis: number): boolean {
  const row = dims.slice(axis + 1).reduce((size, dim) => size * dim, 1);
  const block = row * dims[axis]!;
  return values.every((value, index) => value === values[index - (index % block) + (index % row)]);
}

function batchAxis(name: string, builder: GraphBuilder): number {
  return builder.shape(name).findIndex(isBatch);
}
