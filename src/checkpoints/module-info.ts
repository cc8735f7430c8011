import { isKind, type PickleValue, type Placeholder } from './pickle/values.ts';

/** What an instance of a module says of itself: `eps`, `stride`, `negative_slope`. */
export type ModuleAttribute = number | boolean | string | readonly number[];

/** A module of a network that was pickled whole: data like the weights, its class is a name. */
export interface ModuleInfo {
  /** As in the names of its weights: "layer1.0.conv1"; '' for the whole network. */
  readonly path: string;
  /** "torch.nn.modules.activation.ReLU". */
  readonly className: string;
  readonly attributes: ReadonlyMap<string, ModuleAttribute>;
  /** What was hung into it beside its class, by which it computes something else: "a forward hook". */
  readonly altered?: string;
  /** Where it is no part of the network that was found: it holds that network, or stands beside it. Its path is the file's then. */
  readonly place?: 'around' | 'beside';
}

/** Entries of an instance that change what its class computes. */
const ALTERATIONS: readonly { readonly key: string; readonly what: string }[] = [
  { key: '_forward_hooks', what: 'a forward hook' },
  { key: '_forward_pre_hooks', what: 'a forward hook' },
  { key: 'forward', what: 'a forward function of its own' },
];

/** What TorchScript puts into the name of a class to make it unique, and in front of all of them. */
const MANGLED = /(^__torch__\.)|(___torch_mangle_\d+\.?)/g;

/** The module at `path` in words that need no pickle; `said` is what a program says of its class. */
export function moduleInfo(
  path: string,
  { module, name, state }: Placeholder,
  said: ReadonlyMap<string, ModuleAttribute> = new Map(),
): ModuleInfo {
  const attributes = new Map(said);
  for (const [key, value] of isKind(state, 'dict') ? state.entries : []) {
    const attribute = attributeOf(value);
    if (typeof key === 'string' && attribute !== undefined) attributes.set(key, attribute);
  }
  const altered = ALTERATIONS.find(({ key }) => isKind(state, 'dict') && isPresent(state.entries.get(key)))?.what;
  const className = `${module}.${name}`.replaceAll(MANGLED, '');
  return { path, className, attributes, ...(altered !== undefined && { altered }) };
}

/** An empty table of hooks is none. */
function isPresent(value: PickleValue | undefined): boolean {
  return value !== undefined && value !== null && !(isKind(value, 'dict') && value.entries.size === 0);
}

function attributeOf(value: PickleValue): ModuleAttribute | undefined {
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') return value;
  if (!isKind(value, 'tuple') && !isKind(value, 'list')) return undefined;
  const numbers: number[] = [];
  for (const item of value.items) {
    if (typeof item !== 'number') return undefined;
    numbers.push(item);
  }
  return numbers;
}

/** The modules as the network under `prefix` (`model.`) names them: those below it by their names there, the others with their place. */
export function modulesBelow(modules: readonly ModuleInfo[], prefix: string): ModuleInfo[] {
  return modules.map((info) => {
    if (prefix === '' || info.place !== undefined) return info;
    const path = `${info.path}.`;
    if (path.startsWith(prefix)) return { ...info, path: path.slice(prefix.length, -1) };
    return { ...info, place: info.path === '' || prefix.startsWith(path) ? 'around' : 'beside' };
  });
}
