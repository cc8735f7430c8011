import { CheckpointError } from '../errors.ts';
import { type ModuleInfo, moduleInfo } from './module-info.ts';
import { isKind, type PickleValue, type Placeholder, type PyDict, type TensorRef } from './pickle/values.ts';
import type { ScriptClasses } from './torch/script-code.ts';

/**
 * Whole `nn.Module` objects, as torch.save(model) or TorchScript pickle them: the class is not loaded and no program run,
 * their tensors are data, and so is what a program's text says of them.
 */

/** A pickled module: an object whose `__dict__` has the three tables of every nn.Module. */
export interface PickledModule extends Placeholder {
  state: PyDict;
}

/** Where TorchScript puts the classes of a program. */
const SCRIPT_NAMESPACE = '__torch__';

/** A module of a TorchScript archive: its `__dict__` has the attributes themselves, tensors and modules among them. */
export function isScripted(value: PickleValue | undefined): value is PickledModule {
  if (!isKind(value, 'placeholder') || !isKind(value.state, 'dict')) return false;
  return value.module === SCRIPT_NAMESPACE || value.module.startsWith(`${SCRIPT_NAMESPACE}.`);
}

/** Modules inside each other, and what a search looks at in all: modules may share parts, and so name 2^64 tensors. */
const DEEPEST = 64;
const MOST_LOOKS = 200_000;

export function isModule(value: PickleValue | undefined): value is PickledModule {
  if (!isKind(value, 'placeholder') || !isKind(value.state, 'dict')) return false;
  return ['_parameters', '_buffers', '_modules'].every((name) => isKind(tableOf(value.state, name), 'dict'));
}

/** A whole network as it was pickled: what `state_dict()` would hold, and its modules. */
export interface PickledNetwork {
  readonly tensors: Map<string, TensorRef>;
  readonly modules: ModuleInfo[];
  /** Parameters and buffers of a kind that igd does not read. */
  readonly unread: [string, PickleValue][];
}

/** What makes tensors that are no dense arrays of a storage of the file: sparse, quantised, without values, NumPy's. */
const REBUILDS = /^(_rebuild_\w+|_reconstruct)$/;

export function isUnreadTensor<K extends PickleValue>(
  entry: readonly [K, PickleValue],
): entry is [K & string, PickleValue] {
  return typeof entry[0] === 'string' && isKind(entry[1], 'placeholder') && REBUILDS.test(entry[1].name);
}

/** Collects the tensors of pickled modules, with one limit for all that it is asked for. */
export class ModuleReader {
  readonly #classes: ScriptClasses | undefined;
  #looks = 0;

  constructor(classes?: ScriptClasses) {
    this.#classes = classes;
  }

  /**
   * What `module.state_dict()` would hold, and tensors that are plain attributes, or small buffers that it would leave out: a mean
   * kept that way is part of the function too. Throws CheckpointError where modules share or nest without end.
   */
  collect(module: PickledModule): PickledNetwork {
    const network: PickledNetwork = { tensors: new Map(), modules: [], unread: [] };
    const visit = isScripted(module) ? this.#visitScripted : this.#visit;
    visit.call(this, module, '', 0, network);
    return network;
  }

  #visitScripted(module: PickledModule, prefix: string, depth: number, network: PickledNetwork): void {
    if (depth > DEEPEST) throw endless();
    this.#look(module.state.entries.size);
    const said = this.#classes?.get(`${module.module}.${module.name}`);
    network.modules.push(moduleInfo(prefix.slice(0, -1), module, said));
    for (const [name, value] of module.state.entries) {
      if (typeof name !== 'string') continue;
      if (isKind(value, 'tensor')) network.tensors.set(prefix + name, value);
      if (isScripted(value)) this.#visitScripted(value, `${prefix}${name}.`, depth + 1, network);
    }
  }

  #visit(module: PickledModule, prefix: string, depth: number, network: PickledNetwork): void {
    if (depth > DEEPEST) throw endless();
    network.modules.push(moduleInfo(prefix.slice(0, -1), module));
    const transient = this.#transientBuffers(module);
    const parameters = [...this.#table(module, '_parameters'), ...this.#table(module, '_buffers')];
    for (const entry of parameters) if (isUnreadTensor(entry)) network.unread.push([prefix + entry[0], entry[1]]);
    for (const [name, value] of [...parameters, ...module.state.entries]) {
      if (typeof name === 'string' && isKind(value, 'tensor') && (!transient.has(name) || isSmall(value)))
        network.tensors.set(prefix + name, value);
    }
    for (const [name, child] of this.#table(module, '_modules')) {
      if (isModule(child)) this.#visit(child, `${prefix}${name}.`, depth + 1, network);
    }
  }

  /** Named entries of one of a module's tables. */
  #table({ state }: PickledModule, name: string): [string, PickleValue][] {
    const table = tableOf(state, name);
    if (!isKind(table, 'dict')) return [];
    this.#look(table.entries.size);
    return Array.from(table.entries).filter((entry): entry is [string, PickleValue] => typeof entry[0] === 'string');
  }

  /** Names of buffers that state_dict() leaves out: a set, which pickles as set([...]). */
  #transientBuffers({ state }: PickledModule): Set<PickleValue> {
    const names = tableOf(state, '_non_persistent_buffers_set');
    if (!isKind(names, 'placeholder')) return new Set();
    const listed = isKind(names.args[0], 'list') ? names.args[0].items : [];
    this.#look(listed.length + names.items.length);
    return new Set([...listed, ...names.items]);
  }

  #look(entries: number): void {
    this.#looks += 1 + entries;
    if (this.#looks > MOST_LOOKS) throw endless();
  }
}

/** A number a channel, where scratch space and what attention derives from its sizes have more. */
const SMALL = 3;

function isSmall({ sizes }: TensorRef): boolean {
  return sizes.reduce((product, size) => product * size, 1) <= SMALL;
}

function tableOf(state: PickleValue | undefined, name: string): PickleValue | undefined {
  return isKind(state, 'dict') ? state.entries.get(name) : undefined;
}

function endless(): CheckpointError {
  return new CheckpointError('holds modules nested or shared without end: it is damaged or hostile');
}
