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
  /** An element type of `torch/dtypes.ts`. */
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
