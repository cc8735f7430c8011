import { GraphError } from '../errors.ts';
import { type ElementType, float32, int64, type Tensor } from '../numeric/tensor.ts';
import { type Attribute, type Dim, type Graph, isBatch, type Model, type Node, pruned } from './graph.ts';
import { inferNode } from './shapes/infer.ts';
import type { TypedShape } from './shapes/operands.ts';

/** The operator set every graph inside igd speaks; `upgrade` brings imported ones to it. */
export const CANONICAL_OPSET = 20;
/** IR version that came with opset 20 (ONNX 1.15). */
export const CANONICAL_IR_VERSION = 9;

/** What an attribute may be written as: numbers are ints, `float()` marks the others. */
export type AttributeLike = number | readonly number[] | string | Attribute;

/** A float attribute; a bare number would be an int. */
export function float(value: number): Attribute {
  return { kind: 'float', value };
}

/** What a node may have besides op and inputs. */
export interface NodeOptions {
  /** Its attributes by name. */
  readonly attributes?: Readonly<Record<string, AttributeLike>>;
  /** Names of the outputs; one fresh name by default. */
  readonly outputs?: readonly string[];
  /** Its name; that of its first output by default. */
  readonly name?: string;
}

/**
 * Builds a graph node by node and knows the type and shape of every value as it goes. Names it makes up are unique.
 * Throws GraphError where a node's inputs do not fit its op.
 */
export class GraphBuilder {
  readonly #inputs: string[] = [];
  readonly #initializers = new Map<string, Tensor>();
  readonly #nodes: Node[] = [];
  readonly #values = new Map<string, TypedShape>();
  readonly #constants = new Map<string, string>();
  readonly #reserved = new Set<string>();
  #fresh = 0;

  /** A builder that continues `graph`; its outputs are to be named anew at `build`. */
  static from(graph: Graph): GraphBuilder {
    const builder = new GraphBuilder();
    for (const { name, type, dims } of graph.inputs)
      builder.input(
        name,
        (dims ?? []).map((dim) => dim ?? { batch: 1 }),
        type,
      );
    for (const [name, tensor] of graph.initializers) builder.initializer(name, tensor);
    for (const node of graph.nodes) builder.append(node);
    return builder;
  }

  /** Adds an input of the graph and returns its name. */
  input(name: string, dims: readonly Dim[], type: ElementType = 'float32'): string {
    this.#define(name, { type, dims });
    this.#inputs.push(name);
    return name;
  }

  /** Adds a constant under a name of its own and returns it: weights. */
  initializer(name: string, tensor: Tensor): string {
    this.#define(name, { type: tensor.type, dims: tensor.dims, constant: tensor });
    this.#initializers.set(name, tensor);
    return name;
  }

  /** A float32 constant; a scalar where `dims` is not given. Equal small constants share one initializer. */
  constant(values: number | readonly number[] | Float32Array, dims?: readonly number[]): string {
    const data = typeof values === 'number' ? [values] : values;
    const shape = dims ?? (typeof values === 'number' ? [] : [data.length]);
    return this.#shared(`float32 ${shape.join()}`, float32(shape, data instanceof Float32Array ? data : [...data]));
  }

  /** An int64 vector constant (axes, shapes, pads); a scalar from a bare number. */
  ints(values: number | readonly number[]): string {
    const tensor = typeof values === 'number' ? int64([], [values]) : int64([values.length], values);
    return this.#shared(`int64 ${tensor.dims.join()}`, tensor);
  }

  /** Adds a node of the standard domain and returns its first output. */
  op(
    op: string,
    inputs: readonly string[],
    attributes: NodeOptions['attributes'] = {},
    options: NodeOptions = {},
  ): string {
    return this.ops(op, inputs, { ...options, attributes: { ...attributes, ...options.attributes } })[0]!;
  }

  /** Adds a node and returns all its outputs. */
  ops(op: string, inputs: readonly string[], options: NodeOptions = {}): readonly string[] {
    const outputs = options.outputs ?? [this.fresh(op)];
    const attributes = Object.fromEntries(
      Object.entries(options.attributes ?? {}).map(([key, value]) => [key, toAttribute(value)]),
    );
    this.append({ op, domain: '', name: options.name ?? outputs[0]!, inputs, outputs, attributes });
    return outputs;
  }

  /** Adds a node as it is. */
  append(node: Node): void {
    const inputs = node.inputs.map((name) => (name === '' ? undefined : this.value(name)));
    inferNode(node, inputs).forEach((value, index) => {
      const name = node.outputs[index];
      if (name) this.#define(name, value);
    });
    this.#nodes.push(node);
    // Fresh names name nodes too, and onnxruntime refuses a second node of the same name.
    if (node.name !== '') this.#reserved.add(node.name);
  }

  /** Reshape to known dimensions; the batch, if there is one, becomes the -1 of the shape. */
  reshape(value: string, dims: readonly Dim[]): string {
    return this.op('Reshape', [value, this.ints(dims.map((dim) => (isBatch(dim) ? -1 : dim)))]);
  }

  /** The nodes added so far, in order. */
  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  /** Dimensions of a value. */
  shape(name: string): readonly Dim[] {
    return this.value(name).dims;
  }

  /** Element type of a value. */
  type(name: string): ElementType {
    return this.value(name).type;
  }

  /** The value of `name` where it does not depend on the inputs and is known. */
  constantOf(name: string): Tensor | undefined {
    return this.value(name).constant;
  }

  /** Keeps `fresh` from making up names that are still to come: those of a graph about to be copied node by node. */
  reserve(names: Iterable<string>): void {
    for (const name of names) this.#reserved.add(name);
  }

  /** All that is known of a value. */
  value(name: string): TypedShape {
    const value = this.#values.get(name);
    if (value === undefined) throw new GraphError(`value "${name}" is read, and no node before gives it`);
    return value;
  }

  /** Whether there is a value of that name. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** A name not yet taken, for reading: "Conv_12". */
  fresh(stem: string): string {
    let name: string;
    do name = `${stem}_${this.#fresh++}`;
    while (this.#values.has(name) || this.#reserved.has(name));
    return name;
  }

  /** The model with these outputs, without the nodes and weights they do not need. */
  build(outputs: readonly string[], name = 'igd'): Model {
    const info = (value: string) => ({ name: value, ...pick(this.value(value)) });
    const graph: Graph = {
      name,
      inputs: this.#inputs.map(info),
      outputs: outputs.map(info),
      initializers: this.#initializers,
      nodes: this.#nodes,
    };
    return { graph: pruned(graph), opsets: new Map([['', CANONICAL_OPSET]]), irVersion: CANONICAL_IR_VERSION };
  }

  #define(name: string, value: TypedShape): void {
    if (this.#values.has(name)) throw new GraphError(`value "${name}" is defined twice`);
    this.#values.set(name, value);
  }

  #shared(kind: string, tensor: Tensor): string {
    if (tensor.data.length > 64) return this.initializer(this.fresh('constant'), tensor);
    const key = `${kind}: ${tensor.data.join()}`;
    const known = this.#constants.get(key) ?? this.initializer(this.fresh('constant'), tensor);
    this.#constants.set(key, known);
    return known;
  }
}

function pick({ type, dims }: TypedShape): { type: ElementType; dims: readonly Dim[] } {
  return { type, dims };
}

function toAttribute(value: AttributeLike): Attribute {
  if (typeof value === 'number') return { kind: 'int', value };
  if (typeof value === 'string') return { kind: 'string', value };
  return 'kind' in value ? value : { kind: 'ints', value };
}
