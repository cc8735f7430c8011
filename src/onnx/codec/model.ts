import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { GraphError, messageOf } from '../../errors.ts';
import type { Tensor } from '../../numeric/tensor.ts';
import { ELEMENT_CODES, elementType } from '../element-types.ts';
import { type Dim, type Graph, isBatch, type Model, type Node, type ValueInfo } from '../graph.ts';
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorShapeProto,
  TensorShapeProtoSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../proto/onnx_pb.ts';
import { insteadOfOnnx } from './not-onnx.ts';
import {
  attributeToProto,
  bytesOf,
  type ExternalData,
  protoToAttribute,
  protoToTensor,
  tensorToProto,
} from './values.ts';

/** The symbol written for the batch size. */
const BATCH_SYMBOL = 'N';

/**
 * Reads the bytes of an `.onnx` file. `external` gives the bytes of weights kept in files beside it.
 * Throws GraphError where the bytes are no ONNX model, that says what they are instead.
 */
export function decodeModel(bytes: Uint8Array, where: string, external?: ExternalData): Model {
  const proto = parse(bytes, where);
  if (proto.graph === undefined || proto.opsetImport.length === 0) {
    throw new GraphError(
      `${where} is not an ONNX model: ${insteadOfOnnx(bytes) ?? 'it has no graph or no operator set'}`,
    );
  }
  const opsets = new Map(proto.opsetImport.map(({ domain, version }) => [standardDomain(domain), Number(version)]));
  return {
    graph: decodeGraph(proto.graph, where, external),
    opsets,
    irVersion: Number(proto.irVersion),
    source: proto,
  };
}

/** The bytes of the model as one `.onnx` file, weights inside. Deterministic: equal models give equal bytes. */
export function encodeModel(model: Model): Uint8Array {
  return encode(model, () => undefined);
}

/** Weights of fewer bytes are cheaper inside the file. */
const SMALLEST_EXTERNAL = 2 ** 16;

/** A model as a runtime takes it from memory. */
export interface SplitModel {
  readonly bytes: Uint8Array;
  /** The large weights, by the location that `bytes` gives for them: the tensors' own memory, not copies. */
  readonly weights: readonly { readonly path: string; readonly data: Uint8Array }[];
}

/**
 * The model with its large weights beside it: inside, they would be copied into the message, and again where it is parsed, and
 * no message may have more than 2 GiB.
 */
export function splitModel(model: Model): SplitModel {
  const weights: { path: string; data: Uint8Array }[] = [];
  const bytes = encode(model, (tensor) => {
    if (tensor.data.byteLength < SMALLEST_EXTERNAL) return undefined;
    const path = `weights/${weights.length}`;
    weights.push({ path, data: bytesOf(tensor) });
    return path;
  });
  return { bytes, weights };
}

/** Where a tensor's bytes go; undefined for inside. */
type Placement = (tensor: Tensor) => string | undefined;

function encode(model: Model, placement: Placement): Uint8Array {
  const { graph, source } = model;
  const proto = create(ModelProtoSchema, {
    irVersion: BigInt(model.irVersion),
    producerName: source?.producerName ?? 'igd',
    producerVersion: source?.producerVersion ?? '',
  });
  if (source?.$unknown) proto.$unknown = source.$unknown;
  proto.opsetImport = [...model.opsets].map(([domain, version]) =>
    create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }),
  );
  proto.graph = encodeGraph(graph, source?.graph, placement);
  return toBinary(ModelProtoSchema, proto);
}

function parse(bytes: Uint8Array, where: string): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new GraphError(`${where} is not an ONNX model: ${insteadOfOnnx(bytes) ?? messageOf(cause)}`, { cause });
  }
}

function decodeGraph(proto: GraphProto, where: string, external?: ExternalData): Graph {
  const initializers = new Map(
    proto.initializer.map((tensor) => [tensor.name, protoToTensor(tensor, where, external)]),
  );
  return {
    name: proto.name,
    inputs: proto.input.filter(({ name }) => !initializers.has(name)).map((info) => decodeValueInfo(info, where)),
    outputs: proto.output.map((info) => decodeValueInfo(info, where)),
    initializers,
    nodes: proto.node.map((node) => decodeNode(node, where, external)),
  };
}

function encodeGraph(graph: Graph, source: GraphProto | undefined, placement: Placement): GraphProto {
  const proto = create(GraphProtoSchema, {
    name: graph.name,
    node: graph.nodes.map(encodeNode),
    initializer: [...graph.initializers].map(([name, tensor]) => tensorToProto(name, tensor, placement(tensor))),
    input: graph.inputs.map(encodeValueInfo),
    output: graph.outputs.map(encodeValueInfo),
  });
  if (source?.$unknown) proto.$unknown = source.$unknown;
  return proto;
}

function decodeNode(proto: NodeProto, where: string, external?: ExternalData): Node {
  return {
    op: proto.opType,
    domain: standardDomain(proto.domain),
    name: proto.name,
    inputs: proto.input,
    outputs: proto.output,
    attributes: Object.fromEntries(
      proto.attribute.map((attribute) => [attribute.name, protoToAttribute(attribute, where, external)]),
    ),
    source: proto,
  };
}

function encodeNode(node: Node): NodeProto {
  const proto = create(NodeProtoSchema, {
    opType: node.op,
    domain: node.domain,
    name: node.name,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: Object.entries(node.attributes).map(([name, attribute]) => attributeToProto(name, attribute)),
    metadataProps: node.source?.metadataProps ?? [],
  });
  if (node.source?.$unknown) proto.$unknown = node.source.$unknown;
  return proto;
}

function decodeValueInfo(proto: ValueInfoProto, where: string): ValueInfo {
  const tensor = proto.type?.tensorType;
  if (tensor === undefined)
    throw new GraphError(`${where}: ${JSON.stringify(proto.name)} is not a tensor, and only tensors are supported`);
  return {
    name: proto.name,
    type: elementType(tensor.elemType, where),
    dims: tensor.shape && decodeShape(tensor.shape),
    source: proto,
  };
}

/** A named leading dimension, or one without a value, is the batch; elsewhere such a dimension is unknown. */
function decodeShape(shape: TensorShapeProto): (Dim | undefined)[] {
  return shape.dim.map((dim, axis) => {
    const value = Number(dim.dimValue);
    if (value > 0 && dim.dimParam === '') return value;
    return axis === 0 ? { batch: 1 } : undefined;
  });
}

function encodeValueInfo(info: ValueInfo): ValueInfoProto {
  const shape = info.dims && create(TensorShapeProtoSchema, { dim: info.dims.map(encodeDim) });
  const type = create(TypeProtoSchema, {
    tensorType: { elemType: ELEMENT_CODES[info.type], ...(shape && { shape }) },
  });
  const proto = create(ValueInfoProtoSchema, { name: info.name, type });
  if (info.source?.$unknown) proto.$unknown = info.source.$unknown;
  return proto;
}

function encodeDim(dim: Dim | undefined): { dimValue?: bigint; dimParam?: string } {
  if (dim === undefined) return {};
  if (!isBatch(dim)) return { dimValue: BigInt(dim) };
  return { dimParam: dim.batch === 1 ? BATCH_SYMBOL : `${dim.batch}*${BATCH_SYMBOL}` };
}

function standardDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}
