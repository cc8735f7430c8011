import type { GraphBuilder } from '../builder.ts';
import { formatDims, isBatch, type Node } from '../graph.ts';
import { numbersIn } from '../shapes/dims.ts';
import { inferNode } from '../shapes/infer.ts';
import { fail } from '../shapes/operands.ts';
import type { TypedShape } from '../shapes/rule.ts';
import { KNOWN_SHAPES } from './known-shapes.ts';
import { mixesBatch } from './mixing.ts';
import { adaptOperands } from './rebatch-operands.ts';
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
    if (mixesBatch(node, inputs[0]?.dims ?? [])) fail(node, 'it mixes the images of a batch');
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
