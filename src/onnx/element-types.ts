import { GraphError } from '../errors.ts';
import type { ElementType } from '../numeric/tensor.ts';

/** TensorProto.DataType, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto */
export const ELEMENT_CODES: Readonly<Record<ElementType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
};

const ELEMENT_TYPES = new Map(Object.entries(ELEMENT_CODES).map(([type, code]) => [code, type as ElementType]));

/** The element type of a wire code. Throws GraphError for types igd has no arrays for (strings, complex, 4-bit). */
export function elementType(code: number, where: string): ElementType {
  const type = ELEMENT_TYPES.get(code);
  if (type === undefined) throw new GraphError(`${where}: tensor element type ${code} is not supported`);
  return type;
}
