import { create } from '@bufbuild/protobuf';
import { GraphError } from '../../errors.ts';
import { type ElementType, sizeOf, type Tensor, type TensorData } from '../../numeric/tensor.ts';
import { ELEMENT_CODES, elementType } from '../element-types.ts';
import type { Attribute } from '../graph.ts';
import {
  type AttributeProto,
  AttributeProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from '../proto/onnx_pb.ts';

/** Gives the bytes of a file beside the model, by the relative path the model names. */
export type ExternalData = (location: string) => Uint8Array;

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const satisfies { [T in ElementType]: unknown };

/** TensorProto.DataLocation.EXTERNAL */
const EXTERNAL = 1;

/** Reads an initializer or a tensor attribute, whichever of the wire's forms its values are in. */
export function protoToTensor(proto: TensorProto, where: string, external?: ExternalData): Tensor {
  const place = `${where}: tensor ${JSON.stringify(proto.name)}`;
  const type = elementType(proto.dataType, place);
  const dims = proto.dims.map(Number);
  const data =
    proto.dataLocation === EXTERNAL ? fromBytes(type, externalBytes(proto, place, external)) : inlineData(proto, type);
  if (dims.some((dim) => dim < 0) || data.length !== sizeOf(dims)) {
    throw new GraphError(`${place} of shape [${dims.join(', ')}] holds ${data.length} values`);
  }
  return { type, dims, data } as Tensor;
}

/** `location`, where given, says where the bytes will be found: beside the message instead of inside it. */
export function tensorToProto(name: string, tensor: Tensor, location?: string): TensorProto {
  const bytes = bytesOf(tensor);
  return create(TensorProtoSchema, {
    name,
    dims: tensor.dims.map(BigInt),
    dataType: ELEMENT_CODES[tensor.type],
    ...(location === undefined
      ? { rawData: bytes }
      : { dataLocation: EXTERNAL, externalData: reference(location, bytes) }),
  });
}

/** The tensor's own memory, not a copy. */
export function bytesOf({ data: { buffer, byteOffset, byteLength } }: Tensor): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

function reference(location: string, { length }: Uint8Array) {
  const entries = { location, offset: '0', length: String(length) };
  return Object.entries(entries).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value }));
}

function inlineData(proto: TensorProto, type: ElementType): TensorData[ElementType] {
  if (proto.rawData.length > 0) return fromBytes(type, proto.rawData);
  if (type === 'int64') return BigInt64Array.from(proto.int64Data);
  if (type === 'uint64') return BigUint64Array.from(proto.uint64Data);
  if (type === 'uint32') return Uint32Array.from(proto.uint64Data, Number);
  if (type === 'float64') return Float64Array.from(proto.doubleData);
  if (type === 'float32') return Float32Array.from(proto.floatData);
  return ARRAYS[type].from(proto.int32Data);
}

/** Bytes are copied to be aligned: a typed array's offset has to be a multiple of its element size. */
function fromBytes(type: ElementType, bytes: Uint8Array): TensorData[ElementType] {
  const TypedArray = ARRAYS[type];
  const whole = bytes.length - (bytes.length % TypedArray.BYTES_PER_ELEMENT);
  return new TypedArray(new Uint8Array(bytes.subarray(0, whole)).buffer);
}

function externalBytes(proto: TensorProto, place: string, external: ExternalData | undefined): Uint8Array {
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get('location');
  if (location === undefined || external === undefined) {
    throw new GraphError(`${place} is kept in an external file, which is not given`);
  }
  const file = external(location);
  const offset = Number(entries.get('offset') ?? 0);
  const length = Number(entries.get('length') ?? file.length - offset);
  if (!(offset >= 0 && length >= 0 && offset + length <= file.length)) {
    throw new GraphError(
      `${place} wants bytes ${offset} to ${offset + length} of ${JSON.stringify(location)}, which has ${file.length}`,
    );
  }
  return file.subarray(offset, offset + length);
}

/** AttributeProto.AttributeType, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto */
const CODES = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7, strings: 8 } as const;

type Readable = Exclude<Attribute, { kind: 'opaque' }>;

const INT64_MAX = 2n ** 63n - 1n;

const text = new TextDecoder();
const utf8 = new TextEncoder();

const READERS: Readonly<Record<number, (proto: AttributeProto, where: string) => Readable>> = {
  [CODES.float]: ({ f }) => ({ kind: 'float', value: f }),
  [CODES.int]: ({ i }) => ({ kind: 'int', value: Number(i) }),
  [CODES.string]: ({ s }) => ({ kind: 'string', value: text.decode(s) }),
  [CODES.floats]: ({ floats }) => ({ kind: 'floats', value: floats }),
  [CODES.ints]: ({ ints }) => ({ kind: 'ints', value: ints.map(Number) }),
  [CODES.strings]: ({ strings }) => ({ kind: 'strings', value: strings.map((bytes) => text.decode(bytes)) }),
};

/** Reads an attribute; kinds igd does not look into (sub-graphs, sparse tensors) are carried along as they are. */
export function protoToAttribute(proto: AttributeProto, where: string, external?: ExternalData): Attribute {
  if (proto.t !== undefined) return { kind: 'tensor', value: protoToTensor(proto.t, where, external) };
  return READERS[proto.type]?.(proto, where) ?? { kind: 'opaque', proto };
}

export function attributeToProto(name: string, attribute: Attribute): AttributeProto {
  if (attribute.kind === 'opaque') return attribute.proto;
  return create(AttributeProtoSchema, { name, type: CODES[attribute.kind], ...fieldsOf(attribute) });
}

/** INT64_MAX, which means "to the end", is one more as a number. */
function toInt64(value: number): bigint {
  const exact = BigInt(value);
  return exact > INT64_MAX ? INT64_MAX : exact;
}

function fieldsOf(attribute: Readable) {
  switch (attribute.kind) {
    case 'float':
      return { f: attribute.value };
    case 'int':
      return { i: toInt64(attribute.value) };
    case 'string':
      return { s: utf8.encode(attribute.value) };
    case 'tensor':
      return { t: tensorToProto('', attribute.value) };
    case 'floats':
      return { floats: [...attribute.value] };
    case 'ints':
      return { ints: attribute.value.map(toInt64) };
    case 'strings':
      return { strings: attribute.value.map((value) => utf8.encode(value)) };
  }
}
