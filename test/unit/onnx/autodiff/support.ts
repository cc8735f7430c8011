import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect } from 'vitest';
import { keyedStream } from '../../../../src/numeric/random.ts';
import { float32, int64, sizeOf, type Tensor, type TypedTensor } from '../../../../src/numeric/tensor.ts';
import type { Evaluate, Values } from '../../../../src/onnx/autodiff/check-gradient.ts';
import { appendGradient, COTANGENT } from '../../../../src/onnx/autodiff/vjp.ts';
import { type AttributeLike, float, GraphBuilder } from '../../../../src/onnx/builder.ts';
import type { Model } from '../../../../src/onnx/graph.ts';
import { upgrade } from '../../../../src/onnx/passes/upgrade.ts';
import type { Session } from '../../../../src/onnx/runtime.ts';
import { onnxRuntime } from '../../../../src/runtime/session.ts';
import { modelOf as handWritten, node } from '../support/models.ts';

/** Runs `work` with an `evaluate` that keeps a session per model, and releases them after. */
export async function withSessions<T>(work: (evaluate: Evaluate) => Promise<T>): Promise<T> {
  const sessions = new Map<Model, Promise<Session>>();
  const evaluate: Evaluate = async (model, feeds) => {
    const session = sessions.get(model) ?? onnxRuntime().createSession(model);
    sessions.set(model, session);
    return (await session).run(feeds);
  };
  try {
    return await work(evaluate);
  } finally {
    for (const session of sessions.values()) await (await session).release();
  }
}

/** Runs a model once. */
export function runOnce(model: Model, feeds: Values): Promise<Values> {
  return withSessions((evaluate) => evaluate(model, feeds));
}

/** A model of input x, its leading dimension the batch, and the output that `append` makes of it. */
export function modelOf(dims: readonly number[], append: (builder: GraphBuilder, x: string) => string): Model {
  const builder = new GraphBuilder();
  return builder.build([append(builder, builder.input('x', [{ batch: 1 }, ...dims]))]);
}

/** The gradient of a model's output with respect to its input x. */
export async function gradientOf(model: Model, x: TypedTensor<'float32'>, cotangent: TypedTensor<'float32'>) {
  const builder = GraphBuilder.from(model.graph);
  const output = model.graph.outputs[0]!.name;
  const product = appendGradient(builder, output, builder.input(COTANGENT, builder.shape(output)), 'x');
  return (await runOnce(builder.build([product]), { x, [COTANGENT]: cotangent }))[product]!;
}

/** Uniform between `low` and `high`, a stream of its own for every key. */
export function uniform(key: string, dims: readonly number[], low = -1, high = 1): TypedTensor<'float32'> {
  const random = keyedStream([key]);
  const values = Float32Array.from({ length: sizeOf(dims) }, () => low + (high - low) * random.uniform());
  return float32(dims, values);
}

/** The largest difference, relative to the largest entry of `expected`. */
export function relativeDifference(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [difference, size] = [0, 0];
  expected.forEach((value, at) => {
    // A NaN has to count as a difference.
    difference = Math.max(difference, Math.abs(actual[at]! - value));
    size = Math.max(size, Math.abs(value));
  });
  return difference / (size || 1);
}

/** The files of test/fixtures/gradient. */
export const FAMILIES = [
  ...['activation', 'elementwise', 'linear', 'convolution', 'pooling', 'normalization', 'reduction', 'layout'],
  ...['indexing', 'resize', 'block', 'trap', 'respelled'],
];

/** A case of test/fixtures/gradient: a graph, and the gradient that PyTorch has for it. */
export interface GradientCase {
  readonly name: string;
  readonly build: () => Model;
  readonly x: TypedTensor<'float32'>;
  readonly cotangent: TypedTensor<'float32'>;
  readonly gradient: TypedTensor<'float32'>;
}

interface PackedTensor {
  readonly type: 'float32' | 'int64';
  readonly dims: readonly number[];
  /** Base64 of little-endian float32, or integers. */
  readonly data: string | readonly number[];
}

interface PackedCase {
  readonly name: string;
  /** Whether the batch has the size of x and no other. */
  readonly static?: boolean;
  readonly nodes: readonly {
    readonly op: string;
    readonly inputs: readonly string[];
    readonly outputs: readonly string[];
    readonly attributes: Readonly<Record<string, AttributeLike | { readonly float: number }>>;
  }[];
  readonly constants: Readonly<Record<string, PackedTensor>>;
  readonly x: PackedTensor;
  readonly cotangent: PackedTensor;
  readonly gradient: PackedTensor;
}

export function readCases(family: string): readonly GradientCase[] {
  const file = resolve(import.meta.dirname, '../../../fixtures/gradient', `${family}.json`);
  const cases = JSON.parse(readFileSync(file, 'utf8')) as PackedCase[];
  return cases.map((packed) => ({
    name: packed.name,
    build: () => (family === 'respelled' ? buildRespelled(packed) : buildCase(packed)),
    x: unpackFloats(packed.x),
    cotangent: unpackFloats(packed.cotangent),
    gradient: unpackFloats(packed.gradient),
  }));
}

/** Ops that are read as others are spelled out first, as they are of a file. */
function buildRespelled({ nodes, constants, x }: PackedCase): Model {
  return upgrade(
    handWritten({
      inputs: { x: [{ batch: 1 }, ...x.dims.slice(1)] },
      initializers: Object.fromEntries(Object.entries(constants).map(([name, tensor]) => [name, unpack(tensor)])),
      nodes: nodes.map(({ op, inputs, outputs, attributes }) => {
        const entries = Object.entries(attributes).map(([key, value]) => [key, attributeOf(value)] as const);
        return node(op, inputs, outputs[0]!, Object.fromEntries(entries));
      }),
    }),
  );
}

function buildCase({ nodes, constants, x, static: isStatic }: PackedCase): Model {
  const builder = new GraphBuilder();
  builder.input('x', isStatic ? x.dims : [{ batch: 1 }, ...x.dims.slice(1)]);
  for (const [name, tensor] of Object.entries(constants)) builder.initializer(name, unpack(tensor));
  for (const { op, inputs, outputs, attributes } of nodes) {
    const entries = Object.entries(attributes).map(([key, value]) => [key, attributeOf(value)] as const);
    builder.ops(op, inputs, { outputs, attributes: Object.fromEntries(entries) });
  }
  return builder.build([nodes.at(-1)!.outputs[0]!]);
}

function attributeOf(value: AttributeLike | { readonly float: number }): AttributeLike {
  return typeof value === 'object' && 'float' in value ? float(value.float) : value;
}

function unpack(tensor: PackedTensor): Tensor {
  return typeof tensor.data === 'string' ? unpackFloats(tensor) : int64(tensor.dims, tensor.data);
}

function unpackFloats({ dims, data }: PackedTensor): TypedTensor<'float32'> {
  const bytes = Buffer.from(data as string, 'base64');
  return float32(dims, new Float32Array(new Uint8Array(bytes).buffer));
}

/** Values of which no two are closer than 1, in an order drawn at random. */
export function untied(key: string, dims: readonly number[]): TypedTensor<'float32'> {
  const random = keyedStream([key]);
  const values = Float32Array.from({ length: sizeOf(dims) }, (_, at) => at - sizeOf(dims) / 2);
  for (let at = values.length - 1; at > 0; at--) {
    const other = random.integer(at + 1);
    [values[at], values[other]] = [values[other]!, values[at]!];
  }
  return float32(dims, values);
}

/**
 * Expects of a model that is linear between x and x + v (|v| < 1/2) that <J v, u> = <v, J' u>, that J' is linear, and
 * that all this holds at batch sizes 2 and 3.
 *
 * @param dims of x without the batch
 */
export async function expectAdjoint(
  model: Model,
  dims: readonly number[],
  draw: (key: string, dims: readonly number[]) => TypedTensor<'float32'> = uniform,
): Promise<void> {
  const output = model.graph.outputs[0]!.name;
  const builder = GraphBuilder.from(model.graph);
  const product = appendGradient(builder, output, builder.input(COTANGENT, builder.shape(output)), 'x');
  const backward = builder.build([product]);
  await withSessions(async (evaluate) => {
    for (const batch of [2, 3]) {
      const x = draw('x', [batch, ...dims]);
      const v = uniform('v', x.dims, -0.49, 0.49);
      const moved = float32(
        x.dims,
        x.data.map((value, at) => value + v.data[at]!),
      );
      const [before, after] = [(await evaluate(model, { x }))[output]!, (await evaluate(model, { x: moved }))[output]!];
      const pull = async (u: TypedTensor<'float32'>) =>
        (await evaluate(backward, { x, [COTANGENT]: u }))[product]!.data;
      const [u, w] = [uniform('u', before.dims), uniform('w', before.dims)];
      const both = float32(
        u.dims,
        u.data.map((value, at) => 2 * value - 3 * w.data[at]!),
      );
      const [ofU, ofW, ofBoth] = [await pull(u), await pull(w), await pull(both)];
      const change = after.data.map((value, at) => value - before.data[at]!);
      const step = moved.data.map((value, at) => value - x.data[at]!);
      const size = norm(ofU) * norm(step) + norm(u.data) * norm(change) || 1;
      expect(ofU.length).toBe(x.data.length);
      expect(Math.abs(dot(change, u.data) - dot(step, ofU)) / size).toBeLessThan(1e-5);
      expect(
        relativeDifference(
          ofBoth,
          ofU.map((value, at) => 2 * value - 3 * ofW[at]!),
        ),
      ).toBeLessThan(1e-5);
    }
  });
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, at) => sum + value * b[at]!, 0);
}

function norm(a: Float32Array): number {
  return Math.sqrt(dot(a, a));
}
