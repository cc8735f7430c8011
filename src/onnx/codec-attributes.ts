import { create } from '@bufbuild/protobuf';
import { type ExternalData, protoToTensor, tensorToProto } from './codec-tensors.ts';
import type { Attribute } from './graph.ts';
import { type AttributeProto, AttributeProtoSchema } from './proto/onnx_pb.ts';

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
