/** Dense tensors in row-major order: the one in-memory form of weights, images, logits and rankings. */

/** Typed array behind each element type; float16 and bfloat16 are raw 16-bit patterns, as in onnxruntime. */
export interface TensorData {
  /** IEEE 754 single precision. */
  float32: Float32Array;
  /** IEEE 754 double precision. */
  float64: Float64Array;
  /** Bit patterns of IEEE 754 half precision. */
  float16: Uint16Array;
  /** Upper halves of single-precision bit patterns. */
  bfloat16: Uint16Array;
  /** 8-bit integers with sign. */
  int8: Int8Array;
  /** 8-bit integers without. */
  uint8: Uint8Array;
  /** 16-bit integers with sign. */
  int16: Int16Array;
  /** 16-bit integers without. */
  uint16: Uint16Array;
  /** 32-bit integers with sign. */
  int32: Int32Array;
  /** 32-bit integers without. */
  uint32: Uint32Array;
  /** 64-bit integers with sign: labels, axes, shapes. */
  int64: BigInt64Array;
  /** 64-bit integers without. */
  uint64: BigUint64Array;
  /** 0 or 1. */
  bool: Uint8Array;
}

/** Type of a tensor's elements, by its name in ONNX. */
export type ElementType = keyof TensorData;

/** A tensor of one element type. */
export interface TypedTensor<T extends ElementType> {
  /** Type of the elements. */
  readonly type: T;
  /** Sizes of the axes; none for a scalar. */
  readonly dims: readonly number[];
  /** The elements, the last axis fastest. */
  readonly data: TensorData[T];
}

/** A tensor of any element type; `type` tells which. */
export type Tensor = { [T in ElementType]: TypedTensor<T> }[ElementType];

/** Number of elements of a tensor with these dimensions (1 for a scalar). */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** A float32 tensor of one value. */
export function filled(dims: readonly number[], value: number): TypedTensor<'float32'> {
  return float32(dims, new Float32Array(sizeOf(dims)).fill(value));
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

/** The elements as plain numbers, for small tensors such as axes, shapes and labels. */
export function toNumbers(tensor: Tensor): number[] {
  if (tensor.type === 'float16') return Array.from(float16ToFloat32(tensor.data));
  if (tensor.type === 'bfloat16') return Array.from(bfloat16ToFloat32(tensor.data));
  return Array.from(tensor.data as Iterable<number | bigint>, Number);
}

function checked<A extends { length: number }>(dims: readonly number[], data: A): A {
  if (data.length !== sizeOf(dims)) throw new RangeError(`${data.length} elements for a tensor [${dims.join(', ')}]`);
  return data;
}

/** 16-bit floats to float32, exactly: every float16 and bfloat16 value, subnormals, infinities and NaN bits included. */

const FLOAT16_MANTISSA_BITS = 10;
const FLOAT32_MANTISSA_BITS = 23;
const WIDEN = FLOAT32_MANTISSA_BITS - FLOAT16_MANTISSA_BITS;
const BIAS_DIFFERENCE = 127 - 15;
const FLOAT32_INFINITY = 0x7f800000;

/** float32 values of IEEE 754 binary16 bit patterns. */
export function float16ToFloat32(patterns: Uint16Array): Float32Array {
  return widen(patterns, float16Bits);
}

/** float32 values of bfloat16 bit patterns, each the upper half of a float32. */
export function bfloat16ToFloat32(patterns: Uint16Array): Float32Array {
  return widen(patterns, (pattern) => pattern << 16);
}

function widen(patterns: Uint16Array, bitsOf: (pattern: number) => number): Float32Array {
  const bits = new Uint32Array(patterns.length);
  for (let i = 0; i < patterns.length; i++) bits[i] = bitsOf(patterns[i]!);
  return new Float32Array(bits.buffer);
}

/** The float32 bit pattern of a float16 bit pattern (IEEE 754-2019, 3.4). */
function float16Bits(pattern: number): number {
  const sign = (pattern & 0x8000) << 16;
  const exponent = (pattern >> FLOAT16_MANTISSA_BITS) & 0x1f;
  const mantissa = pattern & 0x3ff;
  if (exponent === 0x1f) return sign | FLOAT32_INFINITY | (mantissa << WIDEN);
  if (exponent !== 0) return sign | ((exponent + BIAS_DIFFERENCE) << FLOAT32_MANTISSA_BITS) | (mantissa << WIDEN);
  if (mantissa === 0) return sign;
  // A subnormal becomes normal in float32: shift its leading one into the implicit place and lower the exponent as much.
  const shift = Math.clz32(mantissa) - (31 - FLOAT16_MANTISSA_BITS);
  const normalised = (mantissa << (shift + WIDEN)) & 0x7fffff;
  return sign | ((1 - shift + BIAS_DIFFERENCE) << FLOAT32_MANTISSA_BITS) | normalised;
}
