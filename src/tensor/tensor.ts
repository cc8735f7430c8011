/** Dense tensors in row-major order: the one in-memory form of weights, images, logits and rankings. */

/** Typed array behind each element type; float16 and bfloat16 are raw 16-bit patterns, as in onnxruntime. */
export interface TensorData {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  int8: Int8Array;
  uint8: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  bool: Uint8Array;
}

export type ElementType = keyof TensorData;

export interface TypedTensor<T extends ElementType> {
  readonly type: T;
  readonly dims: readonly number[];
  readonly data: TensorData[T];
}

/** A tensor of any element type; `type` tells which. */
export type Tensor = { [T in ElementType]: TypedTensor<T> }[ElementType];

/** Number of elements of a tensor with these dimensions (1 for a scalar). */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** A float32 tensor; without `data` it is zero-filled. Throws RangeError where data does not fill dims. */
export function float32(dims: readonly number[], data?: Float32Array | readonly number[]): TypedTensor<'float32'> {
  const values = data instanceof Float32Array ? data : Float32Array.from(data ?? { length: sizeOf(dims) }, Number);
  if (data === undefined) values.fill(0);
  return { type: 'float32', dims, data: checked(dims, values) };
}

/** An int64 tensor from plain numbers (axes, shapes, labels). */
export function int64(dims: readonly number[], data: Iterable<number>): TypedTensor<'int64'> {
  return { type: 'int64', dims, data: checked(dims, BigInt64Array.from(Array.from(data, BigInt))) };
}

/** The elements as plain numbers, for small tensors such as axes and shapes; 16-bit floats are not decoded. */
export function toNumbers(tensor: Tensor): number[] {
  return Array.from(tensor.data as Iterable<number | bigint>, Number);
}

function checked<A extends { length: number }>(dims: readonly number[], data: A): A {
  if (data.length !== sizeOf(dims)) throw new RangeError(`${data.length} elements for a tensor [${dims.join(', ')}]`);
  return data;
}
