import { CheckpointError } from '../../errors.ts';
import { quote } from '../messages.ts';
import type { PickleHost } from '../pickle/machine.ts';
import {
  type Call,
  type CallTable,
  CONTAINER_CALLS,
  isKind,
  type PickleValue,
  type PyGlobal,
  qualifiedName,
  type StorageRef,
  type TensorRef,
} from '../pickle/values.ts';

/** How torch.save writes tensors into a pickle (torch/_utils.py, torch/storage.py), read as references. */

/** PyTorch's storage classes and their element types. Their module is torch, torch.cuda or torch.storage. */
const STORAGE_DTYPES: ReadonlyMap<string, string> = new Map([
  ['FloatStorage', 'float32'],
  ['DoubleStorage', 'float64'],
  ['HalfStorage', 'float16'],
  ['BFloat16Storage', 'bfloat16'],
  ['LongStorage', 'int64'],
  ['IntStorage', 'int32'],
  ['ShortStorage', 'int16'],
  ['CharStorage', 'int8'],
  ['ByteStorage', 'uint8'],
  ['BoolStorage', 'bool'],
  ['UntypedStorage', 'uint8'],
  ['ComplexFloatStorage', 'complex64'],
  ['ComplexDoubleStorage', 'complex128'],
  ['QInt8Storage', 'qint8'],
  ['QUInt8Storage', 'quint8'],
  ['QInt32Storage', 'qint32'],
]);

/** _rebuild_tensor(storage, offset, sizes, strides); its later versions append what inference does not need. */
const rebuildTensor: Call = ([storage, offset, sizes, strides]) => {
  if (!isKind(storage, 'storage')) throw malformedTensor();
  return tensorRef(storage, storage.dtype, offset, sizes, strides);
};

/** _rebuild_tensor_v3: the element type apart from an untyped storage. */
const rebuildTensorV3: Call = ([storage, offset, sizes, strides, _requiresGrad, _hooks, dtype]) => {
  if (!isKind(storage, 'storage') || !isKind(dtype, 'global') || dtype.module !== 'torch') throw malformedTensor();
  return tensorRef(storage, dtype.name, offset, sizes, strides);
};

/** A parameter is its tensor; so is a subclass of Tensor whose class or attributes were saved too. */
const firstTensor: Call = ([data]) => (isKind(data, 'tensor') ? data : undefined);

const TENSOR_CALLS: CallTable = new Map<string, Call>([
  ['torch._utils._rebuild_tensor', rebuildTensor],
  ['torch._utils._rebuild_tensor_v2', rebuildTensor],
  ['torch._utils._rebuild_tensor_v3', rebuildTensorV3],
  ['torch._utils._rebuild_parameter', firstTensor],
  ['torch._utils._rebuild_parameter_with_state', firstTensor],
  ['torch.nn.parameter.Parameter', firstTensor],
]);

/** _rebuild_from_type_v2(function, class, arguments, state): one of the functions above, for a subclass of Tensor. */
const rebuildFromType: Call = ([rebuild, _type, args], charge) => {
  if (!isKind(rebuild, 'global') || !isKind(args, 'tuple')) return undefined;
  return TENSOR_CALLS.get(qualifiedName(rebuild))?.(args.items, charge);
};

const CALLS: CallTable = new Map<string, Call>([
  ...CONTAINER_CALLS,
  ...TENSOR_CALLS,
  ['torch._tensor._rebuild_from_type_v2', rebuildFromType],
]);

/**
 * Reads the pickle of a checkpoint. Storages are referred to by key; the first reference to each goes into `storages`. `calls`
 * are those that only one kind of file makes.
 */
export function torchHost(storages: Map<string, StorageRef>, calls: CallTable = new Map()): PickleHost {
  const persistentLoad = (id: PickleValue) => {
    const value = persistentValue(id);
    if (isKind(value, 'storage') && !storages.has(value.key)) storages.set(value.key, value);
    return value;
  };
  return { calls: calls.size === 0 ? CALLS : new Map([...CALLS, ...calls]), persistentLoad };
}

/** ('storage', class, key, location, length[, view]) or, in old files, ('module', class, source file, source). */
function persistentValue(id: PickleValue): StorageRef | PyGlobal {
  const [kind, first, key, _location, length, view] = isKind(id, 'tuple') ? id.items : [];
  if (kind === 'module' && isKind(first, 'global')) return first;
  if (kind !== 'storage' || !isKind(first, 'global') || typeof key !== 'string' || !isCount(length)) {
    throw new CheckpointError('its pickle is damaged: a persistent id that names no storage. Fetch the file again');
  }
  const dtype = STORAGE_DTYPES.get(first.name);
  if (dtype === undefined || !first.module.startsWith('torch')) {
    throw new CheckpointError(
      `it stores a tensor as ${quote(qualifiedName(first))}, which igd does not read: save it as float32`,
    );
  }
  return { kind: 'storage', key, dtype, length, view: viewOf(view) };
}

/** (key of the view, offset, length) or None. */
function viewOf(view: PickleValue | undefined): StorageRef['view'] {
  if (view === undefined || view === null) return undefined;
  const [, offset, length] = isKind(view, 'tuple') ? view.items : [];
  if (!isCount(offset) || !isCount(length)) throw malformedTensor();
  return { offset, length };
}

function tensorRef(
  storage: StorageRef,
  dtype: string,
  offset: PickleValue | undefined,
  sizes: PickleValue | undefined,
  strides: PickleValue | undefined,
): TensorRef {
  if (!isCount(offset)) throw malformedTensor();
  return { kind: 'tensor', storage, dtype, offset, sizes: counts(sizes), strides: counts(strides) };
}

/** NumPy allows 64 dimensions; a limit, so that a tuple shared by many tensors is not copied at length for each. */
const MOST_DIMENSIONS = 64;

function counts(value: PickleValue | undefined): readonly number[] {
  if (!isKind(value, 'tuple') || value.items.length > MOST_DIMENSIONS) throw malformedTensor();
  return value.items.map((item) => {
    if (!isCount(item)) throw malformedTensor();
    return item;
  });
}

/** Sizes, strides and offsets: whole, not negative, and exact as numbers. */
function isCount(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function malformedTensor(): CheckpointError {
  return new CheckpointError(
    'its pickle is damaged: a tensor whose storage, sizes or strides cannot be. Fetch the file again',
  );
}
