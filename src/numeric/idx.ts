import { InputError } from '../errors.ts';
import { arrayOf } from './npy.ts';
import { sizeOf, type Tensor } from './tensor.ts';

// The idx format of MNIST, http://yann.lecun.com/exdb/mnist: two zeros, the type of the elements, the number of axes, the length of each
// in 4 bytes, and the elements; all numbers big-endian.

/** numpy's codes of the types of elements. */
const DESCR: Readonly<Record<number, string>> = {
  8: '|u1',
  9: '|i1',
  11: '>i2',
  12: '>i4',
  13: '>f4',
  14: '>f8',
};

/** More axes than images of any kind have are no array's. */
const MAX_AXES = 8;

interface IdxHeader {
  readonly descr: string;
  readonly dims: readonly number[];
  /** Where the elements begin. */
  readonly start: number;
}

/** Reads an idx file; the tensor may share memory with `bytes`. Throws InputError where it is none, is cut off, or holds more. */
export function decodeIdx(bytes: Uint8Array, where: string): Tensor {
  const { descr, dims, start } = headerOf(bytes, where);
  return arrayOf({ descr, dims }, bytes.subarray(start), where);
}

/** How many bytes the idx file that starts with `head` has to have. Throws InputError where it is none. */
export function idxSize(head: Uint8Array, where: string): number {
  const { descr, dims, start } = headerOf(head, where);
  return start + sizeOf(dims) * Number(descr.at(-1));
}

function headerOf(bytes: Uint8Array, where: string): IdxHeader {
  const [zero, alsoZero, type = 0, axes = 0] = bytes;
  const descr = DESCR[type];
  if (zero !== 0 || alsoZero !== 0 || descr === undefined || axes < 1 || axes > MAX_AXES)
    throw new InputError(`${where}: is no idx file, as MNIST's are; is it the right one?`);
  const start = 4 + 4 * axes;
  if (bytes.length < start) throw new InputError(`${where}: the idx header is cut off; get the file again`);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return { descr, dims: Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis)), start };
}
