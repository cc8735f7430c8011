import { isKind, type PickleValue, type PyDict, qualifiedName } from '../checkpoints/pickle/values.ts';
import { arrayOf } from '../numeric/npy.ts';
import { type Tensor, toNumbers } from '../numeric/tensor.ts';

// Reads Python objects out of what the unpickler recorded about them. Each returns undefined where the value is
// something else.

/** Python 2's str is text and bytes alike: the unpickler gives it as latin1 text, one character a byte. */
function bytesOf(value: PickleValue | undefined): Uint8Array | undefined {
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

/** A numpy array, from any protocol. Throws InputError where its elements are too few, or of a kind that is not read. */
export function pickledArray(value: PickleValue | undefined, where: string): Tensor | undefined {
  if (!isKind(value, 'placeholder')) return undefined;
  const form = ARRAY_FORMS[afterPackage(qualifiedName(value))];
  const layout = form?.(value.args, isKind(value.state, 'tuple') ? value.state.items : []);
  if (layout === undefined) return undefined;
  const { dtype, dims, axes, data } = layout;
  const [descr, elements] = [descrOf(dtype), bytesOf(data)];
  if (descr === undefined || elements === undefined) return undefined;
  return arrayOf({ descr, dims, axes }, elements, where);
}

/** Whole numbers of a list or tuple, plain or of numpy, or of an array [N] or [N, 1]. Throws InputError, as `pickledArray` does. */
export function pickledIntegers(value: PickleValue | undefined, where: string): readonly number[] | undefined {
  if (isKind(value, 'list') || isKind(value, 'tuple')) {
    const numbers = value.items.map((item) => (typeof item === 'number' ? item : scalarOf(item, where)));
    return numbers.every(Number.isInteger) ? numbers.map(Number) : undefined;
  }
  const array = pickledArray(value, where);
  if (array === undefined || array.type === 'bool' || array.dims.length === 0) return undefined;
  const numbers = array.dims.slice(1).every((dim) => dim === 1) ? toNumbers(array) : undefined;
  return numbers?.every(Number.isInteger) ? numbers : undefined;
}

/** numpy pickles a number as `scalar(dtype, bytes)`. */
function scalarOf(value: PickleValue, where: string): number | undefined {
  if (!isKind(value, 'placeholder') || afterPackage(qualifiedName(value)) !== 'multiarray.scalar') return undefined;
  const [descr, bytes] = [descrOf(value.args[0]), bytesOf(value.args[1])];
  return descr === undefined || bytes === undefined
    ? undefined
    : toNumbers(arrayOf({ descr, dims: [] }, bytes, where))[0];
}

/** numpy 2 has moved what was in numpy.core. */
function afterPackage(name: string): string {
  return name.replace(/^numpy\._?core\./, '');
}

interface PickledLayout {
  readonly dtype: PickleValue | undefined;
  readonly dims: readonly number[];
  readonly axes?: readonly number[] | undefined;
  readonly data: PickleValue | undefined;
}

type Items = readonly PickleValue[];

/** What numpy's two ways of pickling say of an array. https://github.com/numpy/numpy/blob/main/numpy/_core/src/multiarray/methods.c */
const ARRAY_FORMS: Readonly<Record<string, (args: Items, state: Items) => PickledLayout | undefined>> = {
  // _reconstruct(...).__setstate__((version, shape, dtype, is_fortran, data))
  'multiarray._reconstruct': (_, [, shape, dtype, isFortran, data]) => {
    const dims = integersOf(shape);
    if (dims === undefined) return undefined;
    return { dtype, data, ...(isFortran === true || isFortran === 1 ? reversed(dims) : { dims }) };
  },
  // Protocol 5, where all elements lie together: _frombuffer(data, dtype, shape, order, axes)
  'numeric._frombuffer': ([data, dtype, shape, order, axes]) => {
    const dims = integersOf(shape);
    if (dims === undefined) return undefined;
    if (order === 'C') return { dtype, data, dims };
    if (order === 'F') return { dtype, data, ...reversed(dims) };
    const permutation = integersOf(axes);
    const isWhole = permutation?.toSorted((a, b) => a - b).join() === [...dims.keys()].join();
    return order === 'K' && isWhole ? { dtype, data, dims, axes: permutation } : undefined;
  },
};

/** The first index runs fastest. */
function reversed(shape: readonly number[]) {
  return { dims: shape.toReversed(), axes: [...shape.keys()].reverse() };
}

function integersOf(value: PickleValue | undefined): readonly number[] | undefined {
  if (!isKind(value, 'tuple')) return undefined;
  const numbers = value.items.filter((item) => typeof item === 'number' && Number.isSafeInteger(item) && item >= 0);
  return numbers.length === value.items.length ? numbers.map(Number) : undefined;
}

/** `dtype("i8", ...).__setstate__((version, "<", ...))` is "<i8". */
function descrOf(dtype: PickleValue | undefined): string | undefined {
  if (!isKind(dtype, 'placeholder') || qualifiedName(dtype) !== 'numpy.dtype') return undefined;
  const [code, order] = [
    textOf(dtype.args[0]),
    isKind(dtype.state, 'tuple') ? textOf(dtype.state.items[1]) : undefined,
  ];
  return code === undefined || order === undefined ? undefined : `${order}${code}`;
}
