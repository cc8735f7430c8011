import { toNumbers } from '../../numeric/tensor.ts';
import type { GraphBuilder } from '../builder.ts';
import { formatDims, intOf, intsOf, isBatch, type Node } from '../graph.ts';
import { numbersIn } from '../shapes/dims.ts';
import { inferNode } from '../shapes/infer.ts';
import { fail, type Operands, requiredNumbers, type TypedShape } from '../shapes/operands.ts';
import { KNOWN_SHAPES } from './known-shapes.ts';
import type { Choose } from './search.ts';

/**
 * Where the batch lies in a value: on `axis`, which counts `outer` x N x (the rest of `factor`) in row-major order. A
 * reshape keeps that order, so the elements outside N stay outside; every other op takes the axis as it is.
 */
interface Place {
  readonly axis: number;
  readonly factor: number;
  readonly outer: number;
}

/** Rewrites the nodes of a graph frozen at one batch size, in order, for a graph whose inputs have a batch of N. */
export class Rebatcher {
  readonly #frozen: ReadonlyMap<string, TypedShape>;
  readonly #size: number;
  readonly #choose: Choose;
  /** The outer part of the batch axis, by value, where it is not 1. */
  readonly #outer = new Map<string, number>();

  constructor(frozen: ReadonlyMap<string, TypedShape>, size: number, choose: Choose) {
    this.#frozen = frozen;
    this.#size = size;
    this.#choose = choose;
  }

  /** The node as it has to be for any batch size. Throws GraphError where it mixes images or needs the frozen size. */
  rewrite(node: Node, builder: GraphBuilder): Node {
    const places = node.inputs.flatMap((name) => this.#placeOf(name, builder) ?? []);
    const [place] = places;
    if (place === undefined || node.op === 'Shape' || node.op === 'Size') return node;
    if (node.op === 'Reshape' || node.op === 'Flatten') return this.#reshaped(node, place, builder);
    if (places.some(({ factor, outer }) => factor !== place.factor || outer !== place.outer)) {
      fail(node, 'it combines values whose batches are laid out differently');
    }
    if (node.op === 'Tile') {
      const interleaved = this.#interleaved(node, place, builder);
      if (interleaved) return interleaved;
    }
    const adapted = adaptOperands(this.#withKnownShape(node, place, builder), this.#size, builder);
    this.#check(adapted, place, builder);
    for (const name of adapted.outputs) this.#outer.set(name, place.outer);
    return adapted;
  }

  #placeOf(name: string, builder: GraphBuilder): Place | undefined {
    const dims = name === '' ? [] : builder.shape(name);
    const axis = dims.findIndex(isBatch);
    const dim = dims[axis];
    if (dim === undefined || !isBatch(dim)) return undefined;
    return { axis, factor: dim.batch, outer: this.#outer.get(name) ?? 1 };
  }

  /** The frozen shape with -1 on the axis that the batch goes to. */
  #reshaped(node: Node, place: Place, builder: GraphBuilder): Node {
    const dims = builder.shape(node.inputs[0]!);
    const target = numbersIn(this.#frozen.get(node.outputs[0]!)!.dims)!;
    const outer = numbersIn(dims.slice(0, place.axis))!.reduce((total, dim) => total * dim, place.outer);
    const options = placesIn(target, outer, this.#size, place.axis);
    if (options.length === 0) {
      fail(node, `the batch of input ${formatDims(dims)} has no place in shape ${formatDims(target)}`);
    }
    const chosen = options[this.#choose(options.length)]!;
    this.#outer.set(node.outputs[0]!, chosen.outer);
    const shape = builder.ints(target.with(chosen.axis, -1));
    return { ...node, op: 'Reshape', inputs: [node.inputs[0]!, shape], attributes: {} };
  }

  /**
   * A Tile that repeats the one image it was exported for (the query of all windows, say): repeated image by image, so that
   * repeats of an image stay together as windows do.
   */
  #interleaved(node: Node, { axis, outer, factor }: Place, builder: GraphBuilder): Node | undefined {
    const repeats = builder.constantOf(node.inputs[1]!);
    const counts = repeats && toNumbers(repeats);
    if (counts === undefined || counts[axis] === 1 || this.#size !== 1 || outer !== 1) return undefined;
    const [before, after] = [counts.slice(0, axis), counts.slice(axis + 1)];
    const tiled = builder.op('Tile', [node.inputs[0]!, builder.ints([...before, 1, ...after])]);
    const dims = numbersIn(builder.shape(tiled).with(axis, -1))!;
    const apart = [...dims.slice(0, axis), -1, 1, factor, ...dims.slice(axis + 1)];
    const shape = builder.ints(apart.map((_, at) => (at === axis + 1 ? counts[axis]! : 1)));
    const repeated = builder.op('Expand', [builder.reshape(tiled, apart), shape]);
    return { ...node, op: 'Reshape', inputs: [repeated, builder.ints(dims)], attributes: {} };
  }

  /** The node without the frozen size in a shape it reads: the batch stays on its axis, counted from the end. */
  #withKnownShape(node: Node, { axis, factor }: Place, builder: GraphBuilder): Node {
    const rewriting = KNOWN_SHAPES[node.op];
    if (rewriting === undefined) return node;
    const frozen = this.#frozen.get(node.outputs[0]!)!.dims;
    const lead = frozen.length - builder.shape(node.inputs[0]!).length;
    return rewriting(node, frozen.with(lead + axis, { batch: factor }), builder);
  }

  #check(node: Node, { factor }: Place, builder: GraphBuilder): void {
    const inputs = node.inputs.map((name) => (name === '' ? undefined : builder.value(name)));
    if (mixesBatch(node, inputs)) fail(node, 'it mixes the images of a batch');
    inferNode(node, inputs).forEach(({ dims }, index) => {
      const [batch, ...more] = dims.filter(isBatch);
      if (batch === undefined) fail(node, `it loses the batch: its output has shape ${formatDims(dims)}`);
      if (more.length > 0) fail(node, `its output ${formatDims(dims)} contains the batch twice`);
      if (batch.batch !== factor) fail(node, 'it joins or splits the images of a batch');
      const frozen = this.#frozen.get(node.outputs[index] ?? '')?.dims ?? [];
      const here = dims.map((dim) => (isBatch(dim) ? dim.batch * this.#size : dim));
      if (frozen.length > 0 && here.join() !== frozen.join()) {
        fail(
          node,
          `its output ${formatDims(dims)} is not what it was for a batch of ${this.#size}: ${formatDims(frozen)}`,
        );
      }
    });
  }
}

/**
 * The axes of a frozen shape that the batch can be on, with `outer` elements outside it. The axis with the least beside the
 * batch is preferred, then the one closest to where it was.
 */
function placesIn(target: readonly number[], outer: number, size: number, from: number): Place[] {
  const places = target.flatMap((dim, axis): Place[] => {
    const before = target.slice(0, axis).reduce((total, length) => total * length, 1);
    const rest = outer / before;
    return Number.isInteger(rest) && dim % (rest * size) === 0 ? [{ axis, factor: dim / size, outer: rest }] : [];
  });
  return places.sort((a, b) => a.factor - b.factor || Math.abs(a.axis - from) - Math.abs(b.axis - from));
}

/** The axes along which an op combines elements though its output keeps them, for a first input of a rank. */
const ALONG: Readonly<Record<string, (node: Node, rank: number, inputs: Operands) => readonly number[]>> = {
  Softmax: (node) => [intOf(node, 'axis', -1)],
  LogSoftmax: (node) => [intOf(node, 'axis', -1)],
  Hardmax: (node) => [intOf(node, 'axis', -1)],
  LpNormalization: (node) => [intOf(node, 'axis', -1)],
  LayerNormalization: (node, rank) => from(intOf(node, 'axis', -1), rank),
  InstanceNormalization: (_, rank) => from(2, rank),
  MeanVarianceNormalization: (node) => intsOf(node, 'axes') ?? [0, 2, 3],
  LRN: () => [1],
  CumSum: (node, _, inputs) => requiredNumbers(node, inputs, 1, 'axis'),
};

function from(axis: number, rank: number): number[] {
  const first = axis < 0 ? axis + rank : axis;
  return Array.from({ length: rank - first }, (_, index) => first + index);
}

/** Whether a node makes the images of a batch depend on each other. */
function mixesBatch(node: Node, inputs: Operands): boolean {
  const dims = inputs[0]?.dims ?? [];
  const axes = ALONG[node.op]?.(node, dims.length, inputs) ?? [];
  return axes.some((axis) => isBatch(dims.at(axis) ?? 1));
}

/**
 * A frozen graph can hold constants with one row per image of its batch (a class token expanded to it, say). Such rows are
 * equal: one of them broadcasts, and is expanded to N where it is joined with the images.
 */
function adaptOperands(node: Node, size: number, builder: GraphBuilder): Node {
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
