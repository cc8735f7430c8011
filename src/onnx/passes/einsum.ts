import type { GraphBuilder } from '../builder.ts';
import { type Dim, formatDims, type Node, stringOf } from '../graph.ts';
import { product } from '../shapes/dims.ts';
import { fail } from '../shapes/operands.ts';

/** Einsum as the products of matrices that it is, for which there are shape and gradient rules. */

/** A value and the index that each of its axes is summed or kept by. */
interface Term {
  readonly value: string;
  readonly labels: readonly string[];
}

/** Operands are multiplied two by two, each index summed as soon as nothing later has it. */
export function einsumAsProducts(node: Node, builder: GraphBuilder): Node {
  const { terms, output } = parse(node, builder);
  const [first, ...rest] = terms;
  const whole = rest.reduce((left, right, index) => {
    const needed = new Set([...output, ...rest.slice(index + 1).flatMap(({ labels }) => labels)]);
    return multiplied(node, left, right, needed, builder);
  }, first!);
  const { value, labels } = summed(whole, (label) => !output.includes(label), builder);
  const perm = { kind: 'ints', value: output.map((label) => labels.indexOf(label)) } as const;
  return { ...node, op: 'Transpose', inputs: [value], attributes: { perm } };
}

/** "...ij,jk->...ik"; without an arrow the indices that are there once, in alphabetical order, are kept. */
function parse(node: Node, builder: GraphBuilder): { terms: readonly Term[]; output: readonly string[] } {
  const equation = stringOf(node, 'equation', '').replaceAll(' ', '');
  const [left = '', right] = equation.split('->');
  const texts = left.split(',');
  if (texts.length !== node.inputs.length) fail(node, `"${equation}" is not for its ${node.inputs.length} operands`);
  const terms = texts.map((text, index) => {
    const value = node.inputs[index]!;
    const labels = labelsOf(text, builder.shape(value).length);
    if (labels === undefined) fail(node, `"${text}" of "${equation}" does not name each axis of operand ${index}`);
    return { value, labels };
  });
  const all = terms.flatMap(({ labels }) => labels);
  const dots = [...new Set(all.filter((label) => label.startsWith('.')))].sort().reverse();
  const once = all.filter((label) => !label.startsWith('.') && all.indexOf(label) === all.lastIndexOf(label));
  const output =
    right === undefined ? [...dots, ...once.sort()] : labelsOf(right, right.replace('...', '').length + dots.length);
  if (output === undefined || new Set(output).size < output.length || !output.every((label) => all.includes(label))) {
    fail(node, `the result of "${equation}" is not made of its indices`);
  }
  return { terms: terms.map((term) => diagonal(node, term, builder)), output };
}

/** One label an axis; those of "..." are counted from the last, since operands may have more or fewer. */
function labelsOf(text: string, rank: number): string[] | undefined {
  const [before = '', after] = text.split('...');
  const hidden = after === undefined ? 0 : rank - before.length - after.length;
  const labels = [
    ...before,
    ...Array.from({ length: Math.max(hidden, 0) }, (_, at) => `.${hidden - 1 - at}`),
    ...(after ?? ''),
  ];
  return labels.length === rank ? labels : undefined;
}

/** The term with every index on one axis: of two axes with the same one their diagonal is what counts. */
function diagonal(node: Node, term: Term, builder: GraphBuilder): Term {
  const { value, labels } = term;
  const second = labels.findIndex((label, axis) => labels.indexOf(label) < axis);
  if (second === -1) return term;
  const first = labels.indexOf(labels[second]!);
  const dims = builder.shape(value);
  const [size, other] = [dims[first]!, dims[second]!];
  if (typeof size !== 'number' || size !== other) {
    fail(node, `index "${labels[second]}" is of two axes of ${formatDims(dims)} that have no diagonal`);
  }
  const rest = [...labels.keys()].filter((axis) => axis !== first && axis !== second);
  const square = builder.op('Transpose', [value], { perm: [...rest, first, second] });
  const flat = builder.reshape(square, [...rest.map((axis) => dims[axis]!), size * size]);
  const places = builder.ints(Array.from({ length: size }, (_, at) => at * (size + 1)));
  const picked = builder.op('Gather', [flat, places], { axis: rest.length });
  return diagonal(node, { value: picked, labels: [...rest.map((axis) => labels[axis]!), labels[first]!] }, builder);
}

function multiplied(node: Node, a: Term, b: Term, needed: ReadonlySet<string>, builder: GraphBuilder): Term {
  const left = summed(a, (label) => !b.labels.includes(label) && !needed.has(label), builder);
  const right = summed(b, (label) => !a.labels.includes(label) && !needed.has(label), builder);
  const shared = left.labels.filter((label) => right.labels.includes(label));
  const stacks = shared.filter((label) => needed.has(label));
  const inner = shared.filter((label) => !needed.has(label));
  const rows = left.labels.filter((label) => !shared.includes(label));
  const columns = right.labels.filter((label) => !shared.includes(label));
  // Only the last of the rows is one of the matrix: joined with the others the batch would hide in their product.
  const [more, row] = [rows.slice(0, -1), rows.slice(-1)];
  const matrices = [
    arranged(node, left, [...stacks, ...more], [row, inner], builder),
    arranged(node, right, [...stacks, ...more], [inner, columns], builder),
  ];
  const sizes = [...sizesOf(left, [...stacks, ...rows], builder), ...sizesOf(right, columns, builder)];
  return { value: builder.reshape(builder.op('MatMul', matrices), sizes), labels: [...stacks, ...rows, ...columns] };
}

/** A stack of matrices, by the labels of its axes: a 1 where the term has no such axis, rows and columns joined to one axis each. */
function arranged(
  node: Node,
  term: Term,
  stacks: readonly string[],
  matrix: readonly (readonly string[])[],
  builder: GraphBuilder,
): string {
  const own = stacks.filter((label) => term.labels.includes(label));
  const order = [...own, ...matrix.flat()].map((label) => term.labels.indexOf(label));
  const turned = builder.op('Transpose', [term.value], { perm: order });
  const joined = matrix.map((labels) => product(sizesOf(term, labels, builder)) ?? fail(node, 'it joins two batches'));
  const sizes = stacks.map((label) => (own.includes(label) ? sizesOf(term, [label], builder)[0]! : 1));
  return builder.reshape(turned, [...sizes, ...joined]);
}

function sizesOf({ value, labels }: Term, of: readonly string[], builder: GraphBuilder): Dim[] {
  const dims = builder.shape(value);
  return of.map((label) => dims[labels.indexOf(label)]!);
}

function summed(term: Term, isSummed: (label: string) => boolean, builder: GraphBuilder): Term {
  const axes = [...term.labels.keys()].filter((axis) => isSummed(term.labels[axis]!));
  if (axes.length === 0) return term;
  const value = builder.op('ReduceSum', [term.value, builder.ints(axes)], { keepdims: 0 });
  return { value, labels: term.labels.filter((label) => !isSummed(label)) };
}
