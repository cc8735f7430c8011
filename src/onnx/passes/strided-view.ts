import { sizeOf, toNumbers } from '../../numeric/tensor.ts';
import type { GraphBuilder } from '../builder.ts';
import { type Dim, type Graph, isBatch, type Node, sameDim } from '../graph.ts';
import { numbersIn } from '../shapes/dims.ts';
import { entriesOf } from '../shapes/operands.ts';
import { broadcastPositions } from '../shapes/positions.ts';
import { rewrite } from './rewrite.ts';

/**
 * torch.as_strided as torch 2.13's default exporter writes it (for average pooling behind channels-last blocks, say): all
 * images as one vector, and a Gather of it at n stride + offset. Where the stride is what one image has, every image is
 * gathered alone, at the same constant places; where those are all of its elements in order, it is a Reshape.
 */
export function perImageGathers(graph: Graph): Graph {
  const producers = new Map<string, Node>();
  return rewrite(graph, (node, builder) => {
    const result = (node.op === 'Gather' && gatheredPerImage(node, producers, builder)) || node;
    for (const name of node.outputs) producers.set(name, node);
    return result;
  });
}

/** Indices [N, ...] that are those of the first image, plus the image's number times a stride. */
interface Affine {
  readonly batch: Dim;
  readonly stride: number;
  /** Of the first image: [1, ...], row-major. */
  readonly dims: readonly number[];
  readonly first: readonly number[];
}

type Producers = ReadonlyMap<string, Node>;

function gatheredPerImage(node: Node, producers: Producers, builder: GraphBuilder): Node | undefined {
  const [vector = '', indices = ''] = node.inputs;
  const flattened = producers.get(vector);
  if (builder.shape(vector).length !== 1 || flattened?.op !== 'Reshape') return undefined;
  const [source = ''] = flattened.inputs;
  const [batch, ...rest] = builder.shape(source);
  const size = numbersIn(rest)?.reduce((total, dim) => total * dim, 1);
  const affine = affineOf(indices, producers, builder);
  if (batch === undefined || size === undefined || affine === undefined) return undefined;
  // One image alone has no stride.
  const whole =
    (affine.stride === size || affine.batch === 1) && affine.first.every((place) => place >= 0 && place < size);
  if (!whole || !sameDim(batch, affine.batch)) return undefined;
  const inOrder = affine.first.length === size && affine.first.every((place, at) => place === at);
  const picked = inOrder ? source : pickedFrom(builder.reshape(source, [batch, size]), affine.first, builder);
  const shape = builder.ints([isBatch(batch) ? -1 : batch, ...affine.dims.slice(1)]);
  return { ...node, op: 'Reshape', inputs: [picked, shape], attributes: {} };
}

function pickedFrom(rows: string, places: readonly number[], builder: GraphBuilder): string {
  return builder.op('Gather', [rows, builder.ints(places)], { axis: 1 });
}

/** By op, what becomes of indices that are affine in the number of the image; `b` is a constant. */
const STEPS: Readonly<Record<string, (a: Affine, b: Constant) => Affine | undefined>> = {
  Add: (a, b) => combined(a, b, a.stride, (x, y) => x + y),
  Mul: (a, b) => (b.entries.length === 1 ? combined(a, b, a.stride * b.entries[0]!, (x, y) => x * y) : undefined),
  Unsqueeze: (a, { entries }) => unsqueezed(a, entries),
};

interface Constant {
  readonly dims: readonly number[];
  readonly entries: readonly number[];
}

function affineOf(name: string, producers: Producers, builder: GraphBuilder): Affine | undefined {
  const constant = constantOf(name, builder);
  if (constant !== undefined) return affineInConstant(constant);
  const node = producers.get(name);
  if (node?.op === 'Range') return counted(node, builder);
  const step = node && STEPS[node.op];
  if (node === undefined || step === undefined) return undefined;
  for (const [value, other] of [node.inputs, [...node.inputs].reverse()]) {
    const b = constantOf(other ?? '', builder);
    const a = b && affineOf(value ?? '', producers, builder);
    if (a && b) return step(a, b);
  }
  return undefined;
}

/** 0, 1, 2, ... up to the batch size. */
function counted(node: Node, builder: GraphBuilder): Affine | undefined {
  const [start, limit, delta] = node.inputs.map((name) => entriesOf(builder.value(name))?.[0]);
  if (start !== 0 || delta !== 1 || limit === undefined || !isBatch(limit)) return undefined;
  return { batch: limit, stride: 1, dims: [1], first: [0] };
}

/** In a graph frozen at a batch size the indices are a constant, image by image. */
function affineInConstant({ dims, entries }: Constant): Affine | undefined {
  const [batch, ...rest] = dims;
  if (batch === undefined || batch < 1) return undefined;
  const size = sizeOf(rest);
  const stride = batch === 1 ? undefined : entries[size]! - entries[0]!;
  if (
    stride !== undefined &&
    entries.some((entry, at) => entry !== entries[at % size]! + Math.floor(at / size) * stride)
  ) {
    return undefined;
  }
  return { batch, stride: stride ?? Number.NaN, dims: [1, ...rest], first: entries.slice(0, size) };
}

/** The batch is the first axis and stays it: the constant has no more axes, and one row. */
function combined(
  a: Affine,
  b: Constant,
  stride: number,
  compute: (x: number, y: number) => number,
): Affine | undefined {
  const lead = a.dims.length - b.dims.length;
  if (lead < 0 || (lead === 0 && b.dims[0] !== 1)) return undefined;
  const dims = a.dims.map((dim, axis) => Math.max(dim, b.dims[axis - lead] ?? 1));
  const [left, right] = [broadcastPositions(a.dims, dims), broadcastPositions(b.dims, dims)];
  return {
    ...a,
    stride,
    dims,
    first: Array.from(left, (at, index) => compute(a.first[at]!, b.entries[right[index]!]!)),
  };
}

function unsqueezed(a: Affine, axes: readonly number[]): Affine | undefined {
  const rank = a.dims.length + axes.length;
  const placed = axes.map((axis) => (axis < 0 ? axis + rank : axis));
  if (placed.includes(0)) return undefined;
  const rest = a.dims.values();
  return { ...a, dims: Array.from({ length: rank }, (_, axis) => (placed.includes(axis) ? 1 : rest.next().value!)) };
}

function constantOf(name: string, builder: GraphBuilder): Constant | undefined {
  const tensor = name === '' ? undefined : builder.constantOf(name);
  return tensor && { dims: tensor.dims, entries: toNumbers(tensor) };
}
