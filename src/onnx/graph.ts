import type { ElementType, Tensor } from '../numeric/tensor.ts';
import type { AttributeProto, ModelProto, NodeProto, ValueInfoProto } from './proto/onnx_pb.ts';

/**
 * The in-memory form of an ONNX model. Graphs are values: a pass takes one and returns another, sharing what it did not
 * change. Nodes are in topological order. `source` keeps the message a thing was read from, so that fields igd does not
 * know are written back.
 */

/** `{ batch: k }` is k times the batch size N: the one thing left dynamic in a graph. */
export type Dim = number | { readonly batch: number };

/** What a node is told besides its inputs. */
export type Attribute =
  | { readonly kind: 'int' | 'float'; readonly value: number }
  | { readonly kind: 'ints' | 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'tensor'; readonly value: Tensor }
  /** Sub-graphs and the like: carried along, never looked into. */
  | { readonly kind: 'opaque'; readonly proto: AttributeProto };

/** An op with its inputs and outputs. */
export interface Node {
  /** Name of the op: "Conv". */
  readonly op: string;
  /** '' is the standard ai.onnx domain. */
  readonly domain: string;
  /** For a reader; may be empty. */
  readonly name: string;
  /** '' marks an optional input that is left out. */
  readonly inputs: readonly string[];
  /** Names of the values it gives. */
  readonly outputs: readonly string[];
  /** Attributes by name. */
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** The message it was read from. */
  readonly source?: NodeProto | undefined;
}

/** An input or output of a graph. */
export interface ValueInfo {
  /** Name of the value. */
  readonly name: string;
  /** Type of its elements. */
  readonly type: ElementType;
  /** undefined: rank unknown. A dimension of undefined: dynamic, and not known to be the batch. */
  readonly dims: readonly (Dim | undefined)[] | undefined;
  /** The message it was read from. */
  readonly source?: ValueInfoProto | undefined;
}

/** The nodes of a model, and what goes in and out. */
export interface Graph {
  /** For a reader. */
  readonly name: string;
  /** Without the initializers that old exports list again as inputs. */
  readonly inputs: readonly ValueInfo[];
  /** What the graph computes. */
  readonly outputs: readonly ValueInfo[];
  /** Constants by name: weights. */
  readonly initializers: ReadonlyMap<string, Tensor>;
  /** In topological order. */
  readonly nodes: readonly Node[];
}

/** A graph, and what its ops mean. */
export interface Model {
  /** What is computed. */
  readonly graph: Graph;
  /** Version of each operator set by domain; '' is ai.onnx. */
  readonly opsets: ReadonlyMap<string, number>;
  /** Version of the file format. */
  readonly irVersion: number;
  /** The message it was read from. */
  readonly source?: ModelProto | undefined;
}

/** Where a node is, for messages: its op and its name, or its first output where it has none. */
export function describeNode(node: Node): string {
  return `${node.op} "${node.name || node.outputs[0]}"`;
}

/** Integer attribute `key`, or `fallback` where the node has none. */
export function intOf(node: Node, key: string, fallback: number): number {
  const attribute = node.attributes[key];
  return attribute?.kind === 'int' ? attribute.value : fallback;
}

export function floatOf(node: Node, key: string, fallback: number): number {
  const attribute = node.attributes[key];
  return attribute?.kind === 'float' ? attribute.value : fallback;
}

export function intsOf(node: Node, key: string): readonly number[] | undefined {
  const attribute = node.attributes[key];
  return attribute?.kind === 'ints' ? attribute.value : undefined;
}

export function stringOf(node: Node, key: string, fallback: string): string {
  const attribute = node.attributes[key];
  return attribute?.kind === 'string' ? attribute.value : fallback;
}

export function isBatch(dim: Dim): dim is { readonly batch: number } {
  return typeof dim !== 'number';
}

export function sameDim(a: Dim, b: Dim): boolean {
  return isBatch(a) ? isBatch(b) && a.batch === b.batch : a === b;
}

/** "[N, 3, 32, 32]", "[4·N, 10]". */
export function formatDims(dims: readonly (Dim | undefined)[]): string {
  const format = (dim: Dim | undefined) =>
    dim === undefined ? '?' : isBatch(dim) ? (dim.batch === 1 ? 'N' : `${dim.batch}·N`) : `${dim}`;
  return `[${dims.map(format).join(', ')}]`;
}

/** The nodes that `outputs` need, in order, and only the initializers those use. */
export function pruned(graph: Graph): Graph {
  const needed = new Set(graph.outputs.map((output) => output.name));
  const nodes: Node[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((name) => name !== '' && needed.has(name))) continue;
    nodes.push(node);
    for (const name of node.inputs) needed.add(name);
  }
  const initializers = new Map([...graph.initializers].filter(([name]) => needed.has(name)));
  return { ...graph, nodes: nodes.reverse(), initializers };
}
