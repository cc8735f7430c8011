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
}

/** What TorchScript puts into the name of a class to make it unique, and in front of all of them. */
const MANGLED = /(^__torch__\.)|(___torch_mangle_\d+\.?)/g;

/** The module at `path` in words that need no pickle. */
export function moduleInfo(path: string, { module, name, state }: Placeholder): ModuleInfo {
  const attributes = new Map<string, ModuleAttribute>();
  for (const [key, value] of isKind(state, 'dict') ? state.entries : []) {
    const attribute = attributeOf(value);
    if (typeof key === 'string' && attribute !== undefined) attributes.set(key, attribute);
  }
  return { path, className: `${module}.${name}`.replaceAll(MANGLED, ''), attributes };
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

/** The modules below `prefix` (`model.`), by what their names are there; those around them are left out. */
export function modulesBelow(modules: readonly ModuleInfo[], prefix: string): ModuleInfo[] {
  return modules.flatMap((info) => {
    const path = `${info.path}.`;
    return prefix === '' || path.startsWith(prefix) ? [{ ...info, path: path.slice(prefix.length, -1) }] : [];
  });
}
