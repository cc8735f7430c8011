import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { GraphError } from '../../../src/errors.ts';
import { float32, type Tensor } from '../../../src/numeric/tensor.ts';
import { decodeModel, encodeModel } from '../../../src/onnx/codec/model.ts';
import type { Model } from '../../../src/onnx/graph.ts';
import { canonicalise } from '../../../src/onnx/passes/canonicalise.ts';
import { ModelProtoSchema, TensorProtoSchema } from '../../../src/onnx/proto/onnx_pb.ts';
import { expectSameOutputs, modelOf, node } from './support/models.ts';
import { randomNumbers } from './support/run.ts';
import { variedModel } from './support/varied.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/onnx');

/** What is left to compare when the messages a model was read from are set aside. */
function content(model: Model): unknown {
  return JSON.parse(JSON.stringify(model, (key, value) => (key === 'source' ? undefined : plain(value))));
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}`;
  if (value instanceof Map) return [...value];
  return ArrayBuffer.isView(value) ? Array.from(value as Uint8Array, String) : value;
}

/** A message field of protobuf's length-delimited kind, by hand. */
function textField(number: number, text: string): number[] {
  return [(number << 3) | 2, text.length, ...new TextEncoder().encode(text)];
}

describe('codec', () => {
  it.each(['cnn.dynamic.opset16', 'vit.frozen1.opset9'])('%s: what is written is what was read', (name) => {
    const read = decodeModel(readFileSync(join(FIXTURES, `${name}.onnx`)), name);
    const again = decodeModel(encodeModel(read), name);
    expect(content(again)).toEqual(content(read));
    expect(encodeModel(again)).toEqual(encodeModel(read));
  });

  it('the model by hand too, and it runs', async () => {
    const model = variedModel();
    const again = decodeModel(encodeModel(model), 'varied');
    expect(content(again)).toEqual(content(model));
    await expectSameOutputs(model, again);
    await expectSameOutputs(model, canonicalise(again));
  });

  const tensors: Tensor[] = [
    float32([2], [1.5, Number.NaN]),
    { type: 'float64', dims: [1], data: Float64Array.of(Math.PI) },
    { type: 'float16', dims: [2], data: Uint16Array.of(0x3c00, 0xfc00) },
    { type: 'bfloat16', dims: [1], data: Uint16Array.of(0x3f80) },
    { type: 'int8', dims: [2], data: Int8Array.of(-128, 127) },
    { type: 'uint8', dims: [2], data: Uint8Array.of(0, 255) },
    { type: 'int16', dims: [1], data: Int16Array.of(-32768) },
    { type: 'uint16', dims: [1], data: Uint16Array.of(65535) },
    { type: 'int32', dims: [1, 1], data: Int32Array.of(-(2 ** 31)) },
    { type: 'uint32', dims: [1], data: Uint32Array.of(2 ** 32 - 1) },
    { type: 'int64', dims: [], data: BigInt64Array.of(2n ** 63n - 1n) },
    { type: 'uint64', dims: [1], data: BigUint64Array.of(2n ** 64n - 1n) },
    { type: 'bool', dims: [0], data: new Uint8Array() },
  ];
  it.each(tensors.map((tensor): [string, Tensor] => [tensor.type, tensor]))(
    'keeps a tensor of %s bit by bit',
    (_, tensor) => {
      const model = modelOf({ initializers: { t: tensor }, nodes: [node('Relu', ['x'], 'y')] });
      expect(decodeModel(encodeModel(model), 'test').graph.initializers.get('t')).toEqual(tensor);
    },
  );

  it('reads values in the typed fields that protobuf has beside raw bytes', () => {
    const fields = [
      { dataType: 1, dims: [2n], floatData: [1, 2] },
      { dataType: 7, dims: [1n], int64Data: [-5n] },
      { dataType: 10, dims: [1n], int32Data: [0x3c00] },
      { dataType: 11, dims: [1n], doubleData: [0.1] },
      { dataType: 12, dims: [1n], uint64Data: [7n] },
      { dataType: 9, dims: [2n], int32Data: [1, 0] },
    ];
    const proto = fromBinary(ModelProtoSchema, encodeModel(modelOf({ nodes: [node('Relu', ['x'], 'y')] })));
    proto.graph!.initializer = fields.map((field, index) => create(TensorProtoSchema, { name: `t${index}`, ...field }));
    const { initializers } = decodeModel(toBinary(ModelProtoSchema, proto), 'test').graph;
    expect([...initializers.values()].map(({ type, data }) => [type, ...Array.from(data as Float32Array)])).toEqual([
      ['float32', 1, 2],
      ['int64', -5n],
      ['float16', 0x3c00],
      ['float64', 0.1],
      ['uint32', 7],
      ['bool', 1, 0],
    ]);
  });

  it('keeps an end of INT64_MAX in an attribute', () => {
    const model = modelOf({ opset: 9, nodes: [node('Slice', ['x'], 'y', { starts: [0], ends: [2 ** 63] })] });
    const proto = fromBinary(ModelProtoSchema, encodeModel(model));
    expect(proto.graph!.node[0]!.attribute.find(({ name }) => name === 'ends')!.ints).toEqual([2n ** 63n - 1n]);
  });

  it('keeps fields it does not know: of the model, the graph, a node and an input', () => {
    const proto = fromBinary(ModelProtoSchema, encodeModel(modelOf({ nodes: [node('Relu', ['x'], 'y')] })));
    const field = (no: number, text: string) => [
      { no, wireType: 2, data: Uint8Array.from(textField(no, text)).slice(1) },
    ];
    // doc_string: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
    proto.$unknown = field(6, 'of the model');
    proto.graph!.$unknown = field(10, 'of the graph');
    proto.graph!.node[0]!.$unknown = field(6, 'of the node');
    proto.graph!.input[0]!.$unknown = field(3, 'of the input');
    const bytes = toBinary(ModelProtoSchema, proto);
    const again = fromBinary(ModelProtoSchema, encodeModel(decodeModel(bytes, 'test')));
    expect(again.$unknown).toEqual(proto.$unknown);
    expect(again.graph!.$unknown).toEqual(proto.graph!.$unknown);
    expect(again.graph!.node[0]!.$unknown).toEqual(proto.graph!.node[0]!.$unknown);
    expect(again.graph!.input[0]!.$unknown).toEqual(proto.graph!.input[0]!.$unknown);
  });

  it('knows initializers that are listed as inputs, and the batch by its symbol', () => {
    const model = modelOf({ initializers: { w: float32([4], [1, 2, 3, 4]) }, nodes: [node('Mul', ['x', 'w'], 'y')] });
    const proto = fromBinary(ModelProtoSchema, encodeModel(model));
    proto.graph!.input.push({ ...proto.graph!.input[0]!, name: 'w' });
    const { inputs } = decodeModel(toBinary(ModelProtoSchema, proto), 'test').graph;
    expect(inputs).toMatchObject([{ name: 'x', dims: [{ batch: 1 }, 4] }]);
  });
});

describe('malformed bytes', () => {
  /** One of: a byte changed, a bit flipped, a stretch cut out, the end cut off, a stretch repeated. */
  function mutated(bytes: Uint8Array, next: () => number): Uint8Array {
    const at = Math.floor(next() * bytes.length);
    const end = Math.min(bytes.length, at + 1 + Math.floor(next() * 16));
    const forms = [
      () => bytes.with(at, Math.floor(next() * 256)),
      () => bytes.with(at, bytes[at]! ^ (1 << Math.floor(next() * 8))),
      () => Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(end)]),
      () => bytes.slice(0, at),
      () => Uint8Array.from([...bytes.subarray(0, end), ...bytes.subarray(at)]),
    ];
    return forms[Math.floor(next() * forms.length)]!();
  }

  it('give a model or a GraphError, and soon, 1,000 times over', () => {
    const bytes = encodeModel(variedModel());
    const next = randomNumbers(31);
    let refused = 0;
    for (let count = 0; count < 1000; count++) {
      const broken = mutated(next() < 0.5 ? bytes : mutated(bytes, next), next);
      const start = performance.now();
      try {
        canonicalise(decodeModel(broken, 'broken.onnx'));
      } catch (error) {
        expect(error).toBeInstanceOf(GraphError);
        expect((error as GraphError).message).not.toContain('\n');
        refused += 1;
      }
      expect(performance.now() - start).toBeLessThan(5000);
    }
    expect(refused).toBeGreaterThan(300);
  });

  it.each([
    ['nothing', '', 'is empty'],
    ['a web page', '<!DOCTYPE html>', 'a web page'],
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n', 'git lfs pull'],
    ['a checkpoint', 'PK\x03\x04', 'ends in .pt'],
    ['an old checkpoint', '\x80\x02\x8a\x0al\xfc', 'ends in .pt'],
    ['safetensors', '\x40\0\0\0\0\0\0\0{"__metadata__":', 'or .safetensors'],
    ['HDF5', '\x89HDF\r\n\x1a\n', 'tf2onnx'],
    ['TensorFlow Lite', '\x1c\0\0\0TFL3', 'tf2onnx'],
    ['gzip', '\x1f\x8b\x08', 'unpack it'],
    ['a NumPy array', '\x93NUMPY\x01', 'a NumPy array, not a model'],
    ['zeros', '\0'.repeat(100), 'illegal tag'],
  ])('%s is no model', (_, text, says) => {
    const bytes = Uint8Array.from(Buffer.from(text, 'latin1'));
    expect(() => decodeModel(bytes, 'file.onnx')).toThrow(/^file.onnx is not an ONNX model: /);
    expect(() => decodeModel(bytes, 'file.onnx')).toThrow(says);
  });

  it('says of a file that was cut anywhere that it was', () => {
    const weights = { w: float32([64], new Array<number>(64).fill(1)) };
    const bytes = encodeModel(modelOf({ initializers: weights, nodes: [node('Mul', ['x', 'w'], 'y')] }));
    for (let length = 2; length < bytes.length - 8; length += 5) {
      expect(() => decodeModel(bytes.subarray(0, length), 'file.onnx')).toThrow('probably cut off');
    }
  });
});
