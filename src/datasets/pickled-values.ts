import { isKind, type PickleValue, type PyDict, qualifiedName } from '../checkpoints/pickle/values.ts';

// Reads Python objects out of what the unpickler recorded about them. Each returns undefined where the value is
// something else.

/** Python 2's str is text and bytes alike: the unpickler gives it as latin1 text, one character a byte. */
export function bytesOf(value: PickleValue | undefined): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return Buffer.from(value, 'latin1');
  // How Python 3 writes bytes for Python 2 to read.
  const encoded = isKind(value, 'placeholder') && qualifiedName(value) === '_codecs.encode' ? value.args[0] : undefined;
  return typeof encoded === 'string' ? Buffer.from(encoded, 'latin1') : undefined;
}

/** Text, whether Python took it for text or for bytes. */
export function textOf(value: PickleValue | undefined): string | undefined {
  if (typeof value === 'string') return value;
  const bytes = bytesOf(value);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1');
}

/** The value of a text key. */
export function entryOf(dict: PyDict, name: string): PickleValue | undefined {
  for (const [key, value] of dict.entries) if (textOf(key) === name) return value;
  return undefined;
}

const RECONSTRUCT = new Set(['numpy.core.multiarray._reconstruct', 'numpy._core.multiarray._reconstruct']);

/**
 * A numpy array of uint8 [rows, columns] as bytes in row-major order. numpy pickles it as
 * `_reconstruct(...).__setstate__((version, shape, dtype, is_fortran, data))`.
 */
export function byteMatrixOf(value: PickleValue | undefined, columns: number): Uint8Array | undefined {
  if (!isKind(value, 'placeholder') || !RECONSTRUCT.has(qualifiedName(value))) return undefined;
  if (!isKind(value.state, 'tuple')) return undefined;
  const [, shape, dtype, isFortran, data] = value.state.items;
  const bytes = bytesOf(data);
  if (!isBytes(dtype) || bytes === undefined || !isKind(shape, 'tuple')) return undefined;
  const [rows, width] = shape.items;
  if (shape.items.length !== 2 || typeof rows !== 'number' || width !== columns) return undefined;
  if (bytes.length !== rows * columns) return undefined;
  return isFortran === true || isFortran === 1 ? transposed(bytes, columns, rows) : bytes;
}

function isBytes(dtype: PickleValue | undefined): boolean {
  return isKind(dtype, 'placeholder') && qualifiedName(dtype) === 'numpy.dtype' && textOf(dtype.args[0]) === 'u1';
}

function transposed(bytes: Uint8Array, rows: number, columns: number): Uint8Array {
  const result = new Uint8Array(bytes.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = bytes[row * columns + column]!;
  }
  return result;
}
