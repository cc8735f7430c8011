import { expect } from 'vitest';
import type { ElementType, Tensor } from '../../../../src/numeric/tensor.ts';
import { type AttributeLike, CANONICAL_OPSET } from '../../../../src/onnx/builder.ts';
import type { Attribute, Dim, Graph, Model, Node } from '../../../../src/onnx/graph.ts';
import { maxDifference, randomFeeds, runOrt } from './run.ts';

/** A node that gives one value, `output`. */
export function node(
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, AttributeLike>> = {},
): Node {
  const full = Object.entries(attributes).map(([key, value]) => [key, attributeOf(value)]);
  return { op, domain: '', name: '', inputs, outputs: [output], attributes: Object.fromEntries(full) };
}

function attributeOf(value: AttributeLike): Attribute {
  if (typeof value === 'number') return { kind: 'int', value };
  if (typeof value === 'string') return { kind: 'string', value };
  return 'kind' in value ? value : { kind: 'ints', value };
}

export interface ModelParts {
  readonly inputs?: Readonly<Record<string, readonly Dim[]>>;
  readonly inputType?: ElementType;
  readonly initializers?: Readonly<Record<string, Tensor>>;
  readonly nodes: readonly Node[];
  /** The last node's by default. */
  readonly outputs?: readonly string[];
  readonly outputType?: ElementType;
  readonly opset?: number;
}

/** A model written by hand, in any operator set; its input is x [N, 4] unless said. */
export function modelOf(parts: ModelParts): Model {
  const outputs = parts.outputs ?? parts.nodes.at(-1)!.outputs;
  const graph: Graph = {
    name: 'by hand',
    inputs: Object.entries(parts.inputs ?? { x: [{ batch: 1 }, 4] }).map(([name, dims]) => ({
      name,
      type: parts.inputType ?? 'float32',
      dims,
    })),
    outputs: outputs.map((name) => ({ name, type: parts.outputType ?? 'float32', dims: undefined })),
    initializers: new Map(Object.entries(parts.initializers ?? {})),
    nodes: parts.nodes,
  };
  return {
    graph,
    opsets: new Map([
      ['', parts.opset ?? CANONICAL_OPSET],
      ['com.microsoft', 1],
    ]),
    irVersion: 8,
  };
}

/** Runs both on the same random inputs and expects the same outputs. */
export async function expectSameOutputs(before: Model, after: Model, batch = 2): Promise<void> {
  const feeds = randomFeeds(before, batch);
  const [expected, found] = [await runOrt(before, feeds), await runOrt(after, feeds)];
  expect(Object.keys(found)).toEqual(Object.keys(expected));
  for (const [name, tensor] of Object.entries(expected)) {
    expect({ name, dims: found[name]!.dims }).toEqual({ name, dims: tensor.dims });
    expect(maxDifference(found[name]!, tensor), name).toBeLessThan(1e-5);
  }
}

export function opsOf({ graph }: { readonly graph: Graph }): string[] {
  return graph.nodes.map(({ op }) => op);
}
