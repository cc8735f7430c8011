import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GraphError } from '../../../src/errors.ts';
import { float32 } from '../../../src/numeric/tensor.ts';
import { encodeModel } from '../../../src/onnx/codec/model.ts';
import type { Dim, Model } from '../../../src/onnx/graph.ts';
import { ModelProtoSchema, StringStringEntryProtoSchema } from '../../../src/onnx/proto/onnx_pb.ts';
import { checkpointDigest } from '../../../src/runs/inputs/inspect-inputs.ts';
import { modelDigest } from '../../../src/runs/inputs/model-digest.ts';
import { readOnnx } from '../../../src/runs/inputs/onnx-file.ts';
import { localFile } from '../../../src/service/upload.ts';
import { importOnnx } from '../../support/import-onnx.ts';
import { modelOf, node } from './support/models.ts';
import { randomTensor } from './support/run.ts';

const N: Dim = { batch: 1 };
const folder = mkdtempSync(join(tmpdir(), 'igd-import-'));
const inside = join(folder, 'models');
beforeAll(() => {
  mkdirSync(join(inside, 'data'), { recursive: true });
  writeFileSync(join(folder, 'secret.bin'), bytesOf(weight.data));
  writeFileSync(join(inside, 'all.bin'), bytesOf(weight.data));
  symlinkSync('../secret.bin', join(inside, 'link.bin'));
  symlinkSync('..', join(inside, 'up'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const weight = randomTensor([4, 3], 1);

function written(bytes: Uint8Array): string {
  const path = join(inside, 'model.onnx');
  writeFileSync(path, bytes);
  return path;
}

/** A linear classifier whose weight is kept where `entries` say. */
function withExternalWeight(entries: Readonly<Record<string, string>>): string {
  const model = modelOf({ initializers: { w: weight }, nodes: [node('MatMul', ['x', 'w'], 'logits')] });
  const proto = fromBinary(ModelProtoSchema, encodeModel(model));
  const [tensor] = proto.graph!.initializer;
  tensor!.rawData = new Uint8Array();
  tensor!.dataLocation = 1;
  tensor!.externalData = Object.entries(entries).map(([key, value]) =>
    create(StringStringEntryProtoSchema, { key, value }),
  );
  return written(toBinary(ModelProtoSchema, proto));
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

describe('weights in files beside the model', () => {
  it('do not go to the service without a word', async () => {
    const path = withExternalWeight({ location: 'all.bin' });
    await expect(localFile(path)).rejects.toThrow(
      /model\.onnx keeps its weights beside it, in all\.bin, and .* save it as one \(onnx\.save_model\(onnx\.load/,
    );
    writeFileSync(
      path,
      encodeModel(modelOf({ initializers: { w: weight }, nodes: [node('MatMul', ['x', 'w'], 'logits')] })),
    );
    expect(await localFile(path)).toMatchObject({ path });
  });

  it('are read from where the model says', async () => {
    writeFileSync(
      join(inside, 'data', 'w.bin'),
      Buffer.concat([Buffer.from('head'), bytesOf(weight.data), Buffer.from('tail')]),
    );
    const path = withExternalWeight({ location: 'data/w.bin', offset: '4', length: '48' });
    const { graph } = await importOnnx(path);
    expect(graph.initializers.get('w')).toEqual(weight);
  });

  it('may be the rest of a file', async () => {
    const { graph } = await importOnnx(withExternalWeight({ location: 'all.bin' }));
    expect(graph.initializers.get('w')).toEqual(weight);
  });

  it('are part of what the model is: its digest follows them, and is that of the file where there are none', async () => {
    const path = withExternalWeight({ location: 'all.bin' });
    const before = await modelDigest(path);
    expect(await modelDigest(path)).toBe(before);
    const other = bytesOf(weight.data).slice();
    other[3]! ^= 1;
    writeFileSync(join(inside, 'all.bin'), other);
    const after = await modelDigest(path);
    writeFileSync(join(inside, 'all.bin'), bytesOf(weight.data));
    expect([after === before, await modelDigest(path)]).toEqual([false, before]);
    const own = createHash('sha256').update(readFileSync(path)).digest('hex');
    expect(own).not.toBe(before);
    // Either is what a config may expect.
    expect(await checkpointDigest(path, own)).toBe(before);
    expect(await checkpointDigest(path, before)).toBe(before);
    await expect(checkpointDigest(path, 'f'.repeat(64))).rejects.toThrow('fetch the right file');
    // A word alone is no file.
    const named = written(encodeModel(modelOf({ nodes: [node('Relu', ['x'], 'location')], outputs: ['location'] })));
    expect(await modelDigest(named)).toBe(createHash('sha256').update(readFileSync(named)).digest('hex'));
  });

  const hostile: [string, Record<string, string>, string][] = [
    [
      'a path upwards',
      { location: '../secret.bin' },
      'external data "../secret.bin" is no relative path inside the model\'s folder',
    ],
    ['a path upwards in the middle', { location: 'data/../../secret.bin' }, 'is no relative path'],
    ['a path upwards of Windows', { location: '..\\secret.bin' }, 'is no relative path'],
    ['an absolute path', { location: join(folder, 'secret.bin') }, 'is no relative path'],
    ['no path', { location: '' }, 'is no relative path'],
    ['the folder itself', { location: '.' }, 'external data "." lies outside the model\'s folder'],
    ['a link to a file outside', { location: 'link.bin' }, 'external data "link.bin" lies outside the model\'s folder'],
    [
      'a link to a folder outside',
      { location: 'up/secret.bin' },
      'external data "up/secret.bin" lies outside the model\'s folder',
    ],
    [
      'a file that is not there',
      { location: 'gone.bin' },
      'external data "gone.bin", which holds weights, is not there: put it beside the .onnx',
    ],
    ['a folder', { location: 'data' }, 'external data "data" cannot be read: EISDIR'],
    ['a name with a NUL', { location: 'a\0b' }, 'external data "a\\u0000b" cannot be read'],
    [
      'more than the file has',
      { location: 'all.bin', offset: '40', length: '48' },
      'tensor "w" wants bytes 40 to 88 of "all.bin", which has 48',
    ],
    ['an offset that is no number', { location: 'all.bin', offset: 'x' }, 'tensor "w" wants bytes NaN'],
    ['too few bytes', { location: 'all.bin', length: '44' }, 'tensor "w" of shape [4, 3] holds 11 values'],
    ['no location', {}, 'tensor "w" is kept in an external file, which is not given'],
  ];
  it.each(hostile)('are refused: %s', async (_, entries, message) => {
    const attempt = importOnnx(withExternalWeight(entries));
    await expect(attempt).rejects.toBeInstanceOf(GraphError);
    await expect(attempt).rejects.toThrow(/^model\.onnx: /);
    await expect(attempt).rejects.toThrow(message);
  });
});

describe('files that cannot be imported', () => {
  const refusals: [string, Model, string][] = [
    [
      'two outputs',
      modelOf({ nodes: [node('Relu', ['x'], 'y'), node('Neg', ['y'], 'z')], outputs: ['y', 'z'] }),
      'outputs "y", "z": say which of them is the logits, "output" (--output)',
    ],
    [
      'an output that is no logits',
      modelOf({ inputs: { x: [N, 3, 4, 4] }, nodes: [node('Relu', ['x'], 'y')] }),
      'output "y" is float32 [N, 3, 4, 4], a map: a classifier has logits [N, classes]; pool it, or name another output',
    ],
    [
      'integer images',
      modelOf({ inputType: 'int64', outputType: 'int64', nodes: [node('Neg', ['x'], 'y')] }),
      'input "x" is int64, and images are float32',
    ],
    [
      'two inputs',
      modelOf({ inputs: { a: [2, 4], b: [3, 4] }, nodes: [node('Concat', ['a', 'b'], 'y', { axis: 0 })] }),
      'inputs "a" [2, 4], "b" [3, 4]: export the model with its images alone',
    ],
    [
      'a value that is not there',
      modelOf({ nodes: [node('Add', ['x', 'gone'], 'y')] }),
      'Add "y" reads value "gone", which nothing before it gives',
    ],
    [
      'a value given twice',
      modelOf({ nodes: [node('Relu', ['x'], 'y'), node('Neg', ['x'], 'y')] }),
      'Neg "y" gives value "y", which is there already',
    ],
    [
      'an output that is not there',
      modelOf({ nodes: [node('Relu', ['x'], 'y')], outputs: ['z'] }),
      'output "z" is given by no node',
    ],
    [
      'a name that would write over the terminal',
      modelOf({ nodes: [node('Relu', ['x'], '\u001b[2J')] }),
      'name "\\u001b[2J" contains control characters',
    ],
  ];
  it.each(refusals)('%s', async (_, model, message) => {
    const path = written(encodeModel(model));
    await expect(importOnnx(path)).rejects.toThrow(new GraphError(`model.onnx: ${message}`));
  });

  it('images of any size', async () => {
    const model = modelOf({ inputs: { x: [N, 3] }, nodes: [node('Relu', ['x'], 'y')] });
    const [input] = model.graph.inputs;
    const graph = { ...model.graph, inputs: [{ ...input!, dims: [N, 3, undefined, undefined] }] };
    await expect(importOnnx(written(encodeModel({ ...model, graph })))).rejects.toThrow(
      'model.onnx: input "x" is [N, 3, ?, ?] and leaves the size of its images open: give data, or say "imageSize" (--image-size 224)',
    );
  });

  it('a missing file, a folder, and other bytes', async () => {
    await expect(importOnnx(join(inside, 'none.onnx'))).rejects.toThrow(/^cannot read .*none\.onnx: ENOENT/);
    await expect(importOnnx(inside)).rejects.toThrow(/^cannot read .*: EISDIR/);
    await expect(importOnnx(written(Buffer.from('PK\x03\x04')))).rejects.toThrow(/^model.onnx is not an ONNX model/);
  });
});

describe('readOnnx', () => {
  it('gives the model as it is', async () => {
    const model = modelOf({
      opset: 11,
      inputs: { x: [1, 4] },
      nodes: [node('Identity', ['x'], 'h'), node('Relu', ['h'], 'y')],
    });
    const read = await readOnnx(written(encodeModel(model)));
    expect(read.opsets.get('')).toBe(11);
    expect(read.graph.inputs[0]!.dims).toEqual([1, 4]);
    expect(read.graph.nodes.map(({ op }) => op)).toEqual(['Identity', 'Relu']);
  });

  it('keeps a weight as it is', async () => {
    const model = modelOf({ initializers: { w: float32([4], [1, 2, 3, 4]) }, nodes: [node('Mul', ['x', 'w'], 'y')] });
    expect((await readOnnx(written(encodeModel(model)))).graph.initializers.get('w')).toEqual(
      float32([4], [1, 2, 3, 4]),
    );
  });
});
