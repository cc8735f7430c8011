import { InputError } from '../errors.ts';
import { type ElementType, sizeOf, type Tensor, type TensorData, type TypedTensor } from './tensor.ts';

// The .npy format of numpy, https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html: a magic string, a
// version, a Python dict literal that tells element type, order and shape, and the elements. Typed arrays use the
// machine's byte order, which is little-endian wherever onnxruntime runs.

const MAGIC = '\x93NUMPY';
/** numpy aligns the elements so that a file can be mapped into memory. */
const ALIGNMENT = 64;
/** Real headers have about 100 characters; numpy itself stops at 10,000. */
const MAX_HEADER = 10_000;

interface ArrayType<A> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): A;
}

function dtype<T extends ElementType>(type: T, TypedArray: ArrayType<TensorData[T]>) {
  return {
    type,
    bytesPerElement: TypedArray.BYTES_PER_ELEMENT,
    /** A tensor on these very bytes, which have to be aligned. */
    view: (dims: readonly number[], bytes: Uint8Array): TypedTensor<T> => ({
      type,
      dims,
      data: new TypedArray(bytes.buffer, bytes.byteOffset, sizeOf(dims)),
    }),
  };
}

/** numpy's type codes, without the byte order; npy knows no bfloat16. */
const DTYPES = {
  f8: dtype('float64', Float64Array),
  f4: dtype('float32', Float32Array),
  f2: dtype('float16', Uint16Array),
  i1: dtype('int8', Int8Array),
  i2: dtype('int16', Int16Array),
  i4: dtype('int32', Int32Array),
  i8: dtype('int64', BigInt64Array),
  u1: dtype('uint8', Uint8Array),
  u2: dtype('uint16', Uint16Array),
  u4: dtype('uint32', Uint32Array),
  u8: dtype('uint64', BigUint64Array),
  b1: dtype('bool', Uint8Array),
};

type Dtype = (typeof DTYPES)[keyof typeof DTYPES];

const DTYPE_OF_CODE: ReadonlyMap<string, Dtype> = new Map(Object.entries(DTYPES));
const CODE_OF_TYPE: ReadonlyMap<ElementType, string> = new Map(
  Object.entries(DTYPES).map(([code, { type }]) => [type, code]),
);

/** Writes a tensor as .npy version 1.0, little-endian and row-major. Throws InputError for bfloat16. */
export function encodeNpy(tensor: Tensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = tensor.data;
  const header = npyHeader(tensor.type, tensor.dims);
  const npy = new Uint8Array(header.length + byteLength);
  npy.set(header);
  npy.set(new Uint8Array(buffer, byteOffset, byteLength), header.length);
  return npy;
}

/** What a .npy starts with: its elements may be written after it bit by bit. Throws InputError for bfloat16. */
export function npyHeader(type: ElementType, dims: readonly number[]): Uint8Array {
  const code = CODE_OF_TYPE.get(type);
  if (code === undefined) throw new InputError(`.npy has no ${type}: convert the tensor to float32 first`);
  return encodeHeader(`${code.endsWith('1') ? '|' : '<'}${code}`, dims);
}

function encodeHeader(descr: string, dims: readonly number[]): Uint8Array {
  const shape = dims.length === 1 ? `${dims[0]},` : dims.join(', ');
  const literal = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`;
  const start = MAGIC.length + 4;
  const length = Math.ceil((start + literal.length + 1) / ALIGNMENT) * ALIGNMENT;
  const header = new Uint8Array(length).fill(' '.charCodeAt(0));
  header.set(latin1Bytes(MAGIC));
  header.set([1, 0], MAGIC.length);
  viewOf(header).setUint16(MAGIC.length + 2, length - start, true);
  header.set(latin1Bytes(literal), start);
  header.set(latin1Bytes('\n'), length - 1);
  return header;
}

/**
 * Reads a .npy file of version 1 to 3: numbers and booleans of either byte order, in row-major or Fortran order. The
 * tensor may share memory with `bytes`. `where` names the file in errors. Throws InputError where the bytes are no .npy,
 * are cut off, or hold Python objects (those are pickles, which could run code).
 */
export function decodeNpy(bytes: Uint8Array, where: string): Tensor {
  const { literal, end } = headerText(bytes, where);
  const { descr, fortranOrder, shape } = parseHeader(literal, where);
  const elements = bytes.subarray(end);
  return fortranOrder
    ? arrayOf({ descr, dims: shape.toReversed(), axes: [...shape.keys()].reverse() }, elements, where)
    : arrayOf({ descr, dims: shape }, elements, where);
}

/** How elements lie in memory: row-major as `dims`, of which the array has the axes in the order of `axes`, or in theirs. */
export interface ArrayLayout {
  /** numpy's code of the type, with the byte order: "<f4". */
  readonly descr: string;
  readonly dims: readonly number[];
  readonly axes?: readonly number[] | undefined;
}

/** The array of these elements; it may share memory with them. Throws InputError, as `decodeNpy` does. */
export function arrayOf({ descr, dims, axes }: ArrayLayout, elements: Uint8Array, where: string): Tensor {
  const { dtype, swapped } = parseDescr(descr, where);
  requireSize(elements.length, dims, dtype, where);
  const tensor = dtype.view(dims, swapped ? swap(elements, dtype) : aligned(elements, dtype));
  return axes === undefined ? tensor : transposed(tensor, dtype, axes);
}

/** A .npy whose rows, along its first dimension, can be read some at a time. */
export interface NpyRows {
  readonly shape: readonly number[];
  /** Where the first row begins, and the bytes of each. */
  readonly start: number;
  readonly bytesPerRow: number;
  /** Whether elements are of uint8. */
  readonly isBytes: boolean;
  /** The rows in these bytes: `shape` with another first dimension. */
  readonly decode: (bytes: Uint8Array) => Tensor;
}

/** As much as a header takes at the most. */
export const NPY_HEAD = MAX_HEADER + MAGIC.length + 6;

/**
 * How to read rows of the .npy that starts with `head`, of `size` bytes; undefined where its order is Fortran's, in which a row lies
 * all over the file. Throws InputError as `decodeNpy` does.
 */
export function npyRows(head: Uint8Array, size: number, where: string): NpyRows | undefined {
  const { literal, end } = headerText(head, where);
  const { descr, fortranOrder, shape } = parseHeader(literal, where);
  const { dtype, swapped } = parseDescr(descr, where);
  const [, ...row] = shape;
  requireSize(size - end, shape, dtype, where);
  if (fortranOrder) return undefined;
  const bytesPerRow = sizeOf(row) * dtype.bytesPerElement;
  const decode = (bytes: Uint8Array) =>
    dtype.view([bytes.length / bytesPerRow, ...row], swapped ? swap(bytes, dtype) : aligned(bytes, dtype));
  return { shape, start: end, bytesPerRow, isBytes: dtype.type === 'uint8', decode };
}

/** Throws InputError where elements are missing, or are too many. */
function requireSize(found: number, shape: readonly number[], { type, bytesPerElement }: Dtype, where: string): void {
  const expected = sizeOf(shape) * bytesPerElement;
  if (found === expected) return;
  const kind = found < expected ? 'it is cut off; get it again' : 'it holds more than one array, or is damaged';
  throw new InputError(
    `${where}: shape [${shape.join(', ')}] of ${type} takes ${expected} bytes, the file has ${found}: ${kind}`,
  );
}

function headerText(file: Uint8Array, where: string): { literal: string; end: number } {
  if (latin1Text(file.subarray(0, MAGIC.length)) !== MAGIC) {
    throw new InputError(`${where}: not a .npy file (no \\x93NUMPY at its start); write it with numpy.save`);
  }
  const major = file[MAGIC.length] ?? 0;
  if (major < 1 || major > 3) throw new InputError(`${where}: .npy version ${major} is unknown; 1 to 3 can be read`);
  const start = MAGIC.length + (major === 1 ? 4 : 6);
  if (file.length < start) throw new InputError(`${where}: the .npy header is cut off; get the file again`);
  const view = viewOf(file);
  const length = major === 1 ? view.getUint16(start - 2, true) : view.getUint32(start - 4, true);
  if (length > MAX_HEADER) throw new InputError(`${where}: a .npy header of ${length} bytes is not plausible`);
  if (file.length < start + length) throw new InputError(`${where}: the .npy header is cut off; get the file again`);
  const text = file.subarray(start, start + length);
  return { literal: major === 3 ? new TextDecoder().decode(text) : latin1Text(text), end: start + length };
}

/** One `'key': value,` of the header's dict, where a value is a string, a truth value or a tuple. */
const FIELD =
  /\s*'(?<key>\w+)'\s*:\s*(?:'(?<text>[^'\\]*)'|(?<flag>True|False)|\((?<tuple>[\dL, ]*)\))\s*(?:,|(?=\}))/y;

function parseHeader(literal: string, where: string) {
  const body = literal.trim();
  const found = new Map<string, string | undefined>();
  let end = 1;
  for (let field = fieldAt(body, end); field !== null; field = fieldAt(body, end)) {
    const { key = '', text, flag, tuple } = field.groups ?? {};
    found.set(key, text ?? flag ?? tuple);
    end = FIELD.lastIndex;
  }
  const [descr, order, tuple] = ['descr', 'fortran_order', 'shape'].map((key) => found.get(key));
  const shape = parseTuple(tuple ?? '?');
  const whole = body.startsWith('{') && body.slice(end).trim() === '}';
  if (/^\{\s*'descr':\s*\[/.test(body))
    throw new InputError(`${where}: holds records of several fields; save each field as an array, e.g. array["x"]`);
  if (!whole || descr === undefined || (order !== 'True' && order !== 'False') || shape === undefined) {
    throw new InputError(`${where}: not the .npy header of a plain array of numbers: ${body.slice(0, 120)}`);
  }
  return { descr, fortranOrder: order === 'True', shape };
}

function fieldAt(body: string, index: number): RegExpExecArray | null {
  FIELD.lastIndex = index;
  return FIELD.exec(body);
}

/** The dims in `2, 3`, in `5,` or in nothing (a scalar); Python 2 wrote long integers as `10L`. */
function parseTuple(text: string): number[] | undefined {
  const items = text.split(',').map((item) => item.trim());
  if (items.at(-1) === '') items.pop();
  const dims = items.map((item) => (/^\d+L?$/.test(item) ? Number.parseInt(item, 10) : Number.NaN));
  return dims.every(Number.isSafeInteger) ? dims : undefined;
}

const COMPLEX = 'of complex numbers take the real part, x.real, or the absolute value, abs(x)';
const TEXT =
  'texts are no numbers; of labels numpy.unique(y, return_inverse=True)[1] has the place of each name in their sorted order';
const LONG = 'save numbers of 64 bits: x.astype("float64")';

/** What makes known elements of others, by their code. */
const CONVERSIONS: Readonly<Record<string, string>> = { c8: COMPLEX, c16: COMPLEX, c32: COMPLEX, f12: LONG, f16: LONG };

function parseDescr(descr: string, where: string): { dtype: Dtype; swapped: boolean } {
  const [, order = '', code = ''] = /^([<>=|])(\w+)$/.exec(descr) ?? [];
  if (code.startsWith('O')) {
    throw new InputError(
      `${where}: holds Python objects, which are pickles and could run code; save numbers, e.g. array.astype("float32"), of labels array.astype("int64")`,
    );
  }
  const dtype = DTYPE_OF_CODE.get(code);
  if (dtype === undefined) {
    const advice =
      (/^[USa]\d+$/.test(code) ? TEXT : CONVERSIONS[code]) ?? `known are ${[...DTYPE_OF_CODE.keys()].join(', ')}`;
    throw new InputError(`${where}: element type "${descr}" is not supported; ${advice}`);
  }
  return { dtype, swapped: order === '>' };
}

/** A typed array starts at a multiple of its element size: bytes that do not are copied. */
function aligned(bytes: Uint8Array, { bytesPerElement }: Dtype): Uint8Array {
  return bytes.byteOffset % bytesPerElement === 0 ? bytes : new Uint8Array(bytes);
}

function swap(bytes: Uint8Array, { bytesPerElement }: Dtype): Uint8Array {
  const copy = new Uint8Array(bytes);
  for (let first = 0; first < copy.length; first += bytesPerElement)
    copy.subarray(first, first + bytesPerElement).reverse();
  return copy;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** A byte a character; `TextDecoder` takes latin1 for windows-1252, which has other characters from 0x80 to 0x9f. */
function latin1Text(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
}

function latin1Bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** numpy's transpose: axis i of the result is axis `axes[i]` of the tensor. */
function transposed({ dims, data }: Tensor, { bytesPerElement, view }: Dtype, axes: readonly number[]): Tensor {
  const source = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const target = new Uint8Array(source.length);
  const shape = axes.map((axis) => dims[axis]!);
  const strides = axes.map((axis) => sizeOf(dims.slice(axis + 1)) * bytesPerElement);
  const index = shape.map(() => 0);
  for (let to = 0, from = 0; to < target.length; to += bytesPerElement) {
    for (let byte = 0; byte < bytesPerElement; byte++) target[to + byte] = source[from + byte]!;
    // Step like an odometer: the last axis first, and each axis that is through goes back to 0 and carries.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      index[axis]! += 1;
      if (index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return view(shape, target);
}
