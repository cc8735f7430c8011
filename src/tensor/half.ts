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
