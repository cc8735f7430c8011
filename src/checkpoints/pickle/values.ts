import { CheckpointError } from '../../errors.ts';
import { quote } from '../messages.ts';

/** What a pickle can hold once read: plain data, never code. Python containers keep their kind; anything else is inert. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PyList
  | PyTuple
  | PyDict
  | PyGlobal
  | Placeholder
  | StorageRef
  | TensorRef;

export interface PyList {
  readonly kind: 'list';
  readonly items: PickleValue[];
}

export interface PyTuple {
  readonly kind: 'tuple';
  readonly items: readonly PickleValue[];
}

/** A dict or OrderedDict. A Map, so that a key such as `__proto__` is only a key. */
export interface PyDict {
  readonly kind: 'dict';
  readonly entries: Map<PickleValue, PickleValue>;
}

/** The name of a class or function. A name is all it is: nothing is imported. */
export interface PyGlobal {
  readonly kind: 'global';
  readonly module: string;
  readonly name: string;
}

/** An object of a class igd does not know: what the pickle says about it is recorded, and nothing is done with it. */
export interface Placeholder {
  readonly kind: 'placeholder';
  readonly module: string;
  readonly name: string;
  readonly args: readonly PickleValue[];
  /** What BUILD would have restored, usually the object's `__dict__`. */
  state: PickleValue | undefined;
  /** Items of a subclass of list or set. */
  readonly items: PickleValue[];
  /** Entries of a subclass of dict. */
  readonly entries: Map<PickleValue, PickleValue>;
}

/** Elements stored outside the pickle, under `key`. Its dtype and length are the pickle's claim, checked on reading. */
export interface StorageRef {
  readonly kind: 'storage';
  readonly key: string;
  /** An element type of `checkpoints/dtypes.ts`. */
  readonly dtype: string;
  /** Elements in the storage. */
  readonly length: number;
  /** A part of it, in elements: PyTorch before 0.4 saved storages that were views of others. */
  readonly view: { readonly offset: number; readonly length: number } | undefined;
}

/** A tensor as the pickle describes it, not read yet; sizes and strides in elements of `dtype`, unchecked. */
export interface TensorRef {
  readonly kind: 'tensor';
  readonly storage: StorageRef;
  readonly dtype: string;
  readonly offset: number;
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
}

type Kind = Exclude<PickleValue, null | boolean | number | bigint | string | Uint8Array>['kind'];

/** Whether `value` is of this kind. */
export function isKind<K extends Kind>(
  value: PickleValue | undefined,
  kind: K,
): value is Extract<PickleValue, { kind: K }> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;
}

/** The dotted Python name of a global or of a placeholder's class. */
export function qualifiedName(value: PyGlobal | Placeholder): string {
  return `${value.module}.${value.name}`;
}

/**
 * What a global does with its arguments. Returns undefined to leave the call recorded in a placeholder; `charge` takes
 * the elements it copies.
 */
export type Call = (args: readonly PickleValue[], charge: (units: number) => void) => PickleValue | undefined;

/** Calls by qualified Python name. */
export type CallTable = ReadonlyMap<string, Call>;

/** Python containers that pickles make by calling their class. */
export const CONTAINER_CALLS: CallTable = new Map<string, Call>([
  ['collections.OrderedDict', ([pairs], charge) => dictOf(pairs, charge)],
  ['builtins.dict', ([pairs], charge) => dictOf(pairs, charge)],
  ['__builtin__.dict', ([pairs], charge) => dictOf(pairs, charge)],
  ['collections.defaultdict', ([_factory, pairs], charge) => dictOf(pairs, charge)],
  ['torch.Size', ([sizes]) => (isKind(sizes, 'tuple') ? sizes : undefined)],
]);

/** dict(): empty, or from a list of (key, value) pairs as Python 2 wrote an OrderedDict. */
function dictOf(pairs: PickleValue | undefined, charge: (units: number) => void): PyDict | undefined {
  const entries = new Map<PickleValue, PickleValue>();
  if (pairs === undefined) return { kind: 'dict', entries };
  if (!isKind(pairs, 'list')) return undefined;
  charge(pairs.items.length);
  for (const pair of pairs.items) {
    if (!isKind(pair, 'list') && !isKind(pair, 'tuple')) return undefined;
    const [key, value] = pair.items;
    if (key === undefined || value === undefined) return undefined;
    entries.set(key, value);
  }
  return { kind: 'dict', entries };
}

/** Modules and functions that run commands or code: no checkpoint calls them in good faith. */
const HOSTILE_MODULES = words('os posix nt subprocess pty socket shutil webbrowser runpy importlib ctypes pdb timeit');
const HOSTILE_BUILTINS = words('eval exec execfile compile open __import__ breakpoint input');

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(' '));
}

/**
 * Throws CheckpointError for a call that would run something in Python. Not what keeps us safe (no global is ever
 * imported, whatever its name), but whoever holds such a file should know before they open it with PyTorch.
 */
export function refuseHostile(callable: PyGlobal | Placeholder): void {
  const { module, name } = callable;
  const isBuiltin = module === 'builtins' || module === '__builtin__';
  if (!HOSTILE_MODULES.has(module) && !(isBuiltin && HOSTILE_BUILTINS.has(name))) return;
  throw new CheckpointError(
    `is hostile: its pickle would run ${quote(qualifiedName(callable))} on the machine that opens it with PyTorch; ` +
      'nothing was run here. Delete it, and get the checkpoint from a source you trust',
  );
}
