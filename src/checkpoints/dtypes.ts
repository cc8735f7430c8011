import { bfloat16ToFloat32, float16ToFloat32, type Tensor } from '../numeric/tensor.ts';

/** An element type of a checkpoint file. */
export interface DType {
  /** Bytes of an element. */
  readonly itemSize: number;
  /**
   * The tensor of these little-endian, row-major elements, which it may share; floats of any width come out as float32.
   * Undefined for types no classifier has as weights.
   */
  readonly decode?: (dims: readonly number[], bytes: Uint8Array) => Tensor;
}

interface ViewConstructor<A> {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): A;
  readonly BYTES_PER_ELEMENT: number;
}

/** The bytes as elements; storages are read into aligned memory, and tensors start at whole elements. */
function view<A>(elements: ViewConstructor<A>, { buffer, byteOffset, byteLength }: Uint8Array): A {
  return new elements(buffer, byteOffset, byteLength / elements.BYTES_PER_ELEMENT);
}

const floats = (dims: readonly number[], data: Float32Array): Tensor => ({ type: 'float32', dims, data });

/** Element types by their PyTorch name. */
export const DTYPES: ReadonlyMap<string, DType> = new Map<string, DType>([
  ['float64', { itemSize: 8, decode: (dims, bytes) => floats(dims, Float32Array.from(view(Float64Array, bytes))) }],
  ['float32', { itemSize: 4, decode: (dims, bytes) => floats(dims, view(Float32Array, bytes)) }],
  ['float16', { itemSize: 2, decode: (dims, bytes) => floats(dims, float16ToFloat32(view(Uint16Array, bytes))) }],
  ['bfloat16', { itemSize: 2, decode: (dims, bytes) => floats(dims, bfloat16ToFloat32(view(Uint16Array, bytes))) }],
  ['int64', { itemSize: 8, decode: (dims, bytes) => ({ type: 'int64', dims, data: view(BigInt64Array, bytes) }) }],
  ['int32', { itemSize: 4, decode: (dims, bytes) => ({ type: 'int32', dims, data: view(Int32Array, bytes) }) }],
  ['int16', { itemSize: 2, decode: (dims, bytes) => ({ type: 'int16', dims, data: view(Int16Array, bytes) }) }],
  ['int8', { itemSize: 1, decode: (dims, bytes) => ({ type: 'int8', dims, data: view(Int8Array, bytes) }) }],
  ['uint8', { itemSize: 1, decode: (dims, bytes) => ({ type: 'uint8', dims, data: bytes }) }],
  ['bool', { itemSize: 1, decode: (dims, bytes) => ({ type: 'bool', dims, data: bytes }) }],
  ['uint16', { itemSize: 2, decode: (dims, bytes) => ({ type: 'uint16', dims, data: view(Uint16Array, bytes) }) }],
  ['uint32', { itemSize: 4, decode: (dims, bytes) => ({ type: 'uint32', dims, data: view(Uint32Array, bytes) }) }],
  ['uint64', { itemSize: 8, decode: (dims, bytes) => ({ type: 'uint64', dims, data: view(BigUint64Array, bytes) }) }],
  ['complex64', { itemSize: 8 }],
  ['complex128', { itemSize: 16 }],
  ['qint8', { itemSize: 1 }],
  ['quint8', { itemSize: 1 }],
  ['qint32', { itemSize: 4 }],
]);
