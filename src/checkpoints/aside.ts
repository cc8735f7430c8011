import type { Tensor } from '../numeric/tensor.ts';
import { isKind, type PickleValue } from './pickle/values.ts';

/** Names under which a mean and a standard deviation of images are kept. */
export const STATISTICS = [
  { mean: 'mean', std: 'std' },
  { mean: 'mu', std: 'sigma' },
  { mean: 'new_mean', std: 'new_std' },
] as const;

/** Channels of images. */
const MOST_NUMBERS = 3;

/**
 * The names of what looks like a mean and a standard deviation of images beside the weights at `path`, in the mappings that lead there
 * and in the mappings beside: `{state_dict, mean, std}`. What is among the weights that were `taken` does not count.
 */
export function statisticsAside(root: PickleValue, path: string, taken: Iterable<PickleValue>): string[] {
  const weights = new Set(taken);
  const found: string[] = [];
  let [at, entries] = ['', entriesOf(root)];
  for (;;) {
    found.push(...pairsIn(entries, at, weights));
    const on = [...entries].find(([key]) => path === at + key || path.startsWith(`${at}${key}.`));
    for (const [key, item] of entries)
      if (key !== on?.[0] && isSmall(item)) found.push(...pairsIn(entriesOf(item), `${at}${key}.`, weights));
    if (on === undefined) return found;
    [at, entries] = [`${at}${on[0]}.`, entriesOf(on[1])];
  }
}

/** The same among tensors by their names, of those that do not begin with `prefix`. */
export function statisticsBeside(tensors: ReadonlyMap<string, Tensor>, prefix: string): string[] {
  const isPart = (name: string) => !name.startsWith(prefix) && (tensors.get(name)?.data.length ?? 0) <= MOST_NUMBERS;
  return pairsOf(tensors, isPart);
}

function pairsIn(entries: ReadonlyMap<string, PickleValue>, at: string, weights: ReadonlySet<PickleValue>): string[] {
  const isPart = (key: string) => {
    const value = entries.get(key);
    return isNumbers(value) && !weights.has(value);
  };
  return pairsOf(entries, isPart).map((key) => at + key);
}

/** Both names of every pair among the keys. */
function pairsOf(entries: ReadonlyMap<string, unknown>, isPart: (key: string) => boolean): string[] {
  return [...entries.keys()].flatMap((key) =>
    STATISTICS.flatMap(({ mean, std }) => {
      if (key !== mean && !key.endsWith(`.${mean}`)) return [];
      const pair = [key, key.slice(0, key.length - mean.length) + std];
      return pair.every((name) => entries.has(name) && isPart(name)) ? pair : [];
    }),
  );
}

/** Whether a mapping holds no tensors of a network. */
function isSmall(value: PickleValue): boolean {
  return [...entriesOf(value).values()].every((item) => !isKind(item, 'tensor') || isNumbers(item));
}

function isNumbers(value: PickleValue | undefined): value is PickleValue {
  if (isKind(value, 'tensor')) return value.sizes.reduce((product, size) => product * size, 1) <= MOST_NUMBERS;
  if (!isKind(value, 'list') && !isKind(value, 'tuple')) return false;
  return value.items.length <= MOST_NUMBERS && value.items.every((item) => typeof item === 'number');
}

function entriesOf(value: PickleValue): ReadonlyMap<string, PickleValue> {
  if (isKind(value, 'placeholder') && value.state !== undefined) return entriesOf(value.state);
  if (!isKind(value, 'dict') && !isKind(value, 'placeholder')) return new Map();
  return new Map([...value.entries].filter((entry): entry is [string, PickleValue] => typeof entry[0] === 'string'));
}
