import { CheckpointError } from '../errors.ts';
import type { Tensor } from '../numeric/tensor.ts';
import { statisticsAside, statisticsBeside } from './aside.ts';
import { describe, describeEntries } from './describe.ts';
import { quote, quoteSome } from './messages.ts';
import { type ModuleInfo, modulesBelow } from './module-info.ts';
import { isKind, type PickleValue, qualifiedName, type TensorRef } from './pickle/values.ts';
import { isModule, isScripted, isUnreadTensor, ModuleReader } from './pickled-module.ts';
import type { ScriptClasses } from './torch/script-code.ts';

/** Weights by name, and what the user should know about how they were found. */
export interface Named<T> {
  readonly entries: ReadonlyMap<string, T>;
  readonly notes: readonly string[];
  /** Where a whole network was pickled: its modules, by the names the weights have. */
  readonly modules?: readonly ModuleInfo[] | undefined;
  /** Names of what looks like a mean and a standard deviation of images, and is not among the weights. */
  readonly aside?: readonly string[] | undefined;
}

/** A mapping of names to tensors somewhere inside the checkpoint. */
interface Candidate extends Named<TensorRef> {
  /** The keys that lead to it, with dots; '' for the top. */
  readonly path: string;
  /** Tensors among them of a kind that igd does not read: sparse, quantised, without values, NumPy's. */
  readonly unread?: readonly (readonly [string, PickleValue])[];
}

interface Located {
  readonly path: string;
  readonly value: PickleValue;
}

/** State dicts are seldom more than three keys down. */
const DEEPEST = 32;

/**
 * The state dict in what was unpickled: of all mappings and whole modules the one with the most tensors, or the one at
 * `path` where given. Throws CheckpointError where there is none, or another of the same network: which of `model` and
 * `ema`, or `last` and `best`, is meant is not told by their sizes. `classes` are those of a TorchScript archive.
 */
export function findStateDict(root: PickleValue, path?: string, classes?: ScriptClasses): Named<TensorRef> {
  const candidates = findCandidates(root, classes);
  if (candidates.length === 0) {
    throw new CheckpointError(
      `holds no weights: it is ${describe(root)}; igd reads tensors by their names, as torch.save(model.state_dict(), ...) writes them`,
    );
  }
  const chosen = path === undefined ? largest(candidates) : at(path, candidates);
  const unused = candidates.filter((other) => other !== chosen && 2 * other.entries.size >= chosen.entries.size);
  const notes = [...chosen.notes];
  if (chosen.path !== '') notes.unshift(`weights are those under ${quote(chosen.path)}`);
  if (unused.length > 0) notes.push(`other weights in the file are not used: ${titles(unused)}`);
  requireReadable(chosen);
  const aside = statisticsAside(root, chosen.path, chosen.entries.values());
  return { entries: chosen.entries, notes, modules: chosen.modules, aside };
}

/** Throws CheckpointError where a weight is a tensor of a kind that igd does not read: without it, it is another network. */
function requireReadable({ unread = [] }: Candidate): void {
  const [first] = unread;
  if (first === undefined) return;
  const [name, value] = first;
  throw new CheckpointError(
    `${quote(name)} is ${describe(value)}, which igd does not read: save dense float32 tensors that hold their values`,
  );
}

function largest(candidates: readonly Candidate[]): Candidate {
  const chosen = candidates.reduce((most, other) => (other.entries.size > most.entries.size ? other : most));
  const names = unwrapped(chosen);
  const rivals = candidates.filter((other) => other === chosen || isOfSameNetwork(names, unwrapped(other)));
  if (rivals.length === 1) return chosen;
  throw new CheckpointError(
    `holds ${rivals.length} state dicts of one network, under ${titles(rivals)}: say which to read (stateDict, --state-dict)`,
  );
}

function unwrapped({ entries }: Candidate): ReadonlySet<string> {
  return new Set(plainNames({ entries, notes: [] }).entries.keys());
}

/** Half of the names of one are names of the other: averaged weights lack counters, and a later network has other heads. */
function isOfSameNetwork(names: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  const shared = [...others].filter((name) => names.has(name)).length;
  return 2 * shared >= names.size;
}

/** The mapping at `path`; or, where the last keys are the beginning of names inside one, those of its tensors. */
function at(path: string, candidates: readonly Candidate[]): Candidate {
  const found = candidates.find((candidate) => candidate.path === path) ?? inside(path, candidates);
  if (found === undefined) {
    throw new CheckpointError(`has no weights under ${quote(path)}, only under ${titles(candidates)}`);
  }
  return found;
}

function inside(path: string, candidates: readonly Candidate[]): Candidate | undefined {
  for (const { path: outer, entries, notes, modules } of candidates) {
    if (outer !== '' && !path.startsWith(`${outer}.`)) continue;
    const prefix = `${outer === '' ? path : path.slice(outer.length + 1)}.`;
    const named = [...entries].filter(([name]) => name.startsWith(prefix));
    const kept = new Map(named.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
    const below = modules && modulesBelow(modules, prefix).filter(({ place }) => place === undefined);
    if (kept.size > 0) return { path, entries: kept, notes, modules: below };
  }
  return undefined;
}

/** Of tensors by their names, those whose names begin with the keys of `path`. Throws CheckpointError where there are none. */
export function tensorsBelow(tensors: ReadonlyMap<string, Tensor>, path: string): Named<Tensor> {
  const prefix = `${path}.`;
  const kept = [...tensors].filter(([name]) => name.startsWith(prefix));
  if (kept.length === 0) {
    const firsts = new Set(Array.from(tensors.keys(), (name) => name.slice(0, Math.max(0, name.indexOf('.')))));
    throw new CheckpointError(`has no weights under ${quote(path)}, only under ${quoteSome([...firsts], 5)}`);
  }
  const entries = new Map(kept.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
  const notes = [`weights are those under ${quote(path)}`];
  return { entries, notes, aside: statisticsBeside(tensors, prefix) };
}

function titles(candidates: readonly Candidate[]): string {
  const paths = candidates.map(({ path }) => path);
  return quoteSome(paths, 5);
}

/** Every mapping with tensors in it, breadth first. A value the pickle refers to many times counts once. */
function findCandidates(root: PickleValue, classes: ScriptClasses | undefined): Candidate[] {
  const candidates: Candidate[] = [];
  const seen = new Set<PickleValue>([root]);
  const modules = new ModuleReader(classes);
  let level: Located[] = [{ path: '', value: root }];
  for (let depth = 0; depth <= DEEPEST; depth++) {
    const below: Located[] = [];
    for (const located of level) {
      const candidate = asCandidate(located, modules);
      if (candidate !== undefined) candidates.push(candidate);
      for (const child of isModule(located.value) || isScripted(located.value) ? [] : children(located)) {
        if (!isContainer(child.value) || seen.has(child.value)) continue;
        seen.add(child.value);
        below.push(child);
      }
    }
    level = below;
  }
  return candidates;
}

function asCandidate({ path, value }: Located, modules: ModuleReader): Candidate | undefined {
  if (isModule(value) || isScripted(value)) {
    const { tensors: entries, modules: infos, unread } = modules.collect(value);
    const kind = isScripted(value)
      ? 'a TorchScript program: it was not run, only its weights were read'
      : `a whole module, ${quote(qualifiedName(value))}: its class was not loaded, only its weights`;
    return entries.size > 0 ? { path, entries, notes: [`the file holds ${kind}`], modules: infos, unread } : undefined;
  }
  if (!isKind(value, 'dict') && !isKind(value, 'placeholder')) return undefined;
  const entries = new Map<string, TensorRef>();
  for (const [name, item] of value.entries) {
    if (typeof name === 'string' && isKind(item, 'tensor')) entries.set(name, item);
  }
  const unread = [...value.entries].filter(isUnreadTensor);
  return entries.size > 0 ? { path, entries, notes: leftOut(value.entries), unread } : undefined;
}

/** Entries beside the tensors: counters, metadata, objects of classes igd does not know. */
function leftOut(entries: ReadonlyMap<PickleValue, PickleValue>): string[] {
  const others = Array.from(entries).filter(([name, value]) => typeof name !== 'string' || !isKind(value, 'tensor'));
  if (others.length === 0) return [];
  return [`left out what is no tensor: ${describeEntries(others)}`];
}

/** What lies directly inside a value. Not under whole-number keys: that is where optimizers keep theirs, per parameter. */
function* children({ path, value }: Located): Generator<Located> {
  const prefix = path === '' ? '' : `${path}.`;
  if (isKind(value, 'list') || isKind(value, 'tuple') || isKind(value, 'placeholder')) {
    for (const [index, item] of value.items.entries()) yield { path: `${prefix}${index}`, value: item };
  }
  if (isKind(value, 'dict') || isKind(value, 'placeholder')) {
    for (const [key, item] of value.entries) {
      if (typeof key === 'string') yield { path: prefix + key, value: item };
    }
  }
  if (isKind(value, 'placeholder') && value.state !== undefined) yield { path, value: value.state };
}

function isContainer(value: PickleValue): boolean {
  return isKind(value, 'dict') || isKind(value, 'placeholder') || isKind(value, 'list') || isKind(value, 'tuple');
}

/** Names that wrappers put in front of every weight: DataParallel, normalisation layers, torch.compile, trainers. */
const WRAPPERS = ['module.', 'model.', '_orig_mod.', 'net.', 'network.', 'backbone.'] as const;

/** Weights that a checkpoint carries but its network never uses. */
interface Leftover {
  readonly what: string;
  readonly isLeftover: (name: string, names: ReadonlyMap<string, unknown>) => boolean;
}

const LEFTOVERS: readonly Leftover[] = [
  {
    what: 'TRADES and AWP build "sub_block1" beside "block1" and never run it',
    isLeftover: (name, names) => /(^|\.)sub_block1\./.test(name) && names.has(name.replace('sub_block1.', 'block1.')),
  },
  {
    what: 'the step counter of torch.optim.swa_utils.AveragedModel',
    isLeftover: (name) => name === 'n_averaged',
  },
];

/**
 * The weights under the names their architecture gives them: without leftovers, and without wrappers' prefixes common
 * to all. Each change adds a note.
 */
export function plainNames<T>(named: Named<T>): Named<T> {
  return stripWrappers(dropLeftovers(named));
}

function dropLeftovers<T>({ entries, notes, modules, aside }: Named<T>): Named<T> {
  const kept = new Map(entries);
  const added = LEFTOVERS.flatMap(({ what, isLeftover }) => {
    const dropped = Array.from(entries.keys()).filter((name) => isLeftover(name, entries));
    for (const name of dropped) kept.delete(name);
    return dropped.length > 0 ? [`left out ${quoteSome(dropped, 1)}: ${what}`] : [];
  });
  return kept.size > 0
    ? { entries: kept, notes: [...notes, ...added], modules, aside }
    : { entries, notes, modules, aside };
}

function stripWrappers<T>({ entries, notes, modules, aside }: Named<T>): Named<T> {
  const names = Array.from(entries.keys());
  const prefix = WRAPPERS.find((wrapper) => names.every((name) => name.startsWith(wrapper) && name !== wrapper));
  if (prefix === undefined) return { entries, notes, modules, aside };
  const stripped = new Map(Array.from(entries, ([name, value]) => [name.slice(prefix.length), value]));
  return stripWrappers({
    entries: stripped,
    notes: [...notes, `took the prefix ${quote(prefix)} off every name`],
    modules: modules && modulesBelow(modules, prefix),
    aside,
  });
}
