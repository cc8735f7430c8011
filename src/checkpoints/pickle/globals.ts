import { CheckpointError } from '../../contracts/errors.ts';
import { quote } from '../messages.ts';
import { isKind, type PickleValue, type Placeholder, type PyDict, type PyGlobal, qualifiedName } from './values.ts';

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
