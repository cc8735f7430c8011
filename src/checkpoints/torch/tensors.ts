import { CheckpointError } from '../../errors.ts';
import { sizeOf, type Tensor } from '../../numeric/tensor.ts';
import { DTYPES } from '../dtypes.ts';
import { quote } from '../messages.ts';
import type { PickleValue, TensorRef } from '../pickle/values.ts';
import type { MemoryBudget } from '../source.ts';
import type { ScriptClasses } from './script-code.ts';

/** What a file that torch.save wrote holds: the object it was given, and the way to its storages. */
export interface TorchFile {
  readonly root: PickleValue;
  readonly readStorage: ReadStorage;
  /** Of a TorchScript archive. */
  readonly classes?: ScriptClasses;
  /** What was odd in what has been read so far. */
  notes(): readonly string[];
}

/** All bytes of the storage of the tensor `name`, little endian. Throws CheckpointError where it is missing. */
export type ReadStorage = (ref: TensorRef, name: string) => Promise<Uint8Array>;

/** The pickle of a checkpoint describes its tensors, some 100 bytes each; a larger one is no checkpoint's. */
export const LARGEST_PICKLE = 2 ** 26;

/** A ResNet has hundreds of storages; a limit, for a file could list millions that take minutes to walk through. */
export const MOST_STORAGES = 8_000;

export function missingStorage(name: string, storage: string): CheckpointError {
  return new CheckpointError(
    `has no storage ${quote(storage)} for ${quote(name)}: the file is incomplete; fetch it again`,
  );
}

export function tooManyStorages(count: number): CheckpointError {
  return new CheckpointError(`has ${count} storages, more than any checkpoint: it is damaged or hostile`);
}

/** Reads the tensors, each storage once. Throws CheckpointError that names the tensor and its storage. */
export async function readTensors(
  refs: ReadonlyMap<string, TensorRef>,
  readStorage: ReadStorage,
  budget: MemoryBudget,
): Promise<Map<string, Tensor>> {
  const tensors = new Map<TensorRef, Tensor>();
  for (const sharers of byStorage(refs).values()) {
    const [name, ref] = sharers[0]!;
    const bytes = await readStorage(ref, name);
    for (const [name, ref] of sharers) tensors.set(ref, tensors.get(ref) ?? decode(name, ref, bytes, budget));
  }
  return new Map(Array.from(refs, ([name, ref]) => [name, tensors.get(ref)!]));
}

/** Tensors grouped by the storage they are in, so that one storage at a time is held beside what was read. */
function byStorage(refs: ReadonlyMap<string, TensorRef>): Map<string, [string, TensorRef][]> {
  const groups = new Map<string, [string, TensorRef][]>();
  for (const entry of refs) {
    const { key } = entry[1].storage;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [entry]);
    else group.push(entry);
  }
  return groups;
}

/** One tensor out of its storage, row-major; it shares the storage where its layout and type allow. */
function decode(name: string, ref: TensorRef, storage: Uint8Array, budget: MemoryBudget): Tensor {
  const dtype = DTYPES.get(ref.dtype);
  if (dtype?.decode === undefined) {
    const type = quote(ref.dtype);
    throw new CheckpointError(`${quote(name)} is of type ${type}, which igd does not read: save it as float32`);
  }
  const { itemSize } = dtype;
  if (ref.sizes.includes(0)) return dtype.decode(ref.sizes, new Uint8Array(0));
  const start = itemSize * firstElement(name, ref, Math.floor(storage.byteLength / itemSize));
  const length = itemSize * sizeOf(ref.sizes);
  // Twice, for its copy in row-major order and the one in float32.
  budget.charge(2 * length, quote(name));
  const axes = axesOf(ref);
  const contiguous = isRowMajor(axes);
  const bytes = contiguous ? storage.subarray(start, start + length) : gather(storage, start, axes, itemSize, length);
  return dtype.decode(ref.sizes, bytes);
}

/** Where the tensor starts in its storage of `stored` elements; throws CheckpointError unless all of it lies inside. */
function firstElement(name: string, { storage, offset, sizes, strides }: TensorRef, stored: number): number {
  const shape = `${quote(name)} [${sizes.join(', ')}]`;
  if (sizes.length !== strides.length) {
    throw new CheckpointError(`${shape} has ${strides.length} strides: the file is damaged`);
  }
  const view = storage.view ?? { offset: 0, length: storage.length };
  const available = Math.min(view.offset + view.length, stored);
  const first = view.offset + offset;
  // Beyond 2^53 this sum is inexact, but still beyond any storage.
  const last = sizes.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, first);
  if (last < available) return first;
  const where = `the ${available} elements of its storage ${quote(storage.key)}`;
  throw new CheckpointError(`${shape} reaches past ${where}: the file is damaged; fetch it again`);
}

/** An axis with more than one element; the stride in elements. */
interface Axis {
  readonly size: number;
  readonly stride: number;
}

function axesOf({ sizes, strides }: TensorRef): Axis[] {
  return sizes.map((size, axis) => ({ size, stride: strides[axis]! })).filter(({ size }) => size > 1);
}

function isRowMajor(axes: readonly Axis[]): boolean {
  let expected = 1;
  for (const { size, stride } of axes.toReversed()) {
    if (stride !== expected) return false;
    expected *= size;
  }
  return true;
}

/** Copies elements into row-major order: an odometer over the axes, the last one fastest, that moves `from`. */
function gather(
  storage: Uint8Array,
  start: number,
  axes: readonly Axis[],
  itemSize: number,
  length: number,
): Uint8Array {
  const out = new Uint8Array(length);
  const index = new Uint32Array(axes.length);
  let from = start;
  for (let to = 0; to < length; to += itemSize) {
    for (let byte = 0; byte < itemSize; byte++) out[to + byte] = storage[from + byte]!;
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      const { size, stride } = axes[axis]!;
      from += stride * itemSize;
      if (++index[axis]! < size) break;
      from -= stride * itemSize * size;
      index[axis] = 0;
    }
  }
  return out;
}
