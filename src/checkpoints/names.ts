import { quote, quoteSome } from './messages.ts';
import type { Named } from './state-dict.ts';

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
export function plainNames<T>({ entries, notes }: Named<T>): Named<T> {
  return stripWrappers(dropLeftovers({ entries, notes }));
}

function dropLeftovers<T>({ entries, notes }: Named<T>): Named<T> {
  const kept = new Map(entries);
  const added = LEFTOVERS.flatMap(({ what, isLeftover }) => {
    const dropped = Array.from(entries.keys()).filter((name) => isLeftover(name, entries));
    for (const name of dropped) kept.delete(name);
    return dropped.length > 0 ? [`left out ${quoteSome(dropped, 1)}: ${what}`] : [];
  });
  return kept.size > 0 ? { entries: kept, notes: [...notes, ...added] } : { entries, notes };
}

function stripWrappers<T>({ entries, notes }: Named<T>): Named<T> {
  const names = Array.from(entries.keys());
  const prefix = WRAPPERS.find((wrapper) => names.every((name) => name.startsWith(wrapper) && name !== wrapper));
  if (prefix === undefined) return { entries, notes };
  const stripped = new Map(Array.from(entries, ([name, value]) => [name.slice(prefix.length), value]));
  return stripWrappers({ entries: stripped, notes: [...notes, `took the prefix ${quote(prefix)} off every name`] });
}
