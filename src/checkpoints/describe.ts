import { quote } from './messages.ts';
import { isKind, type PickleValue, qualifiedName } from './pickle/values.ts';

/** Unpickled values in the words of someone who knows Python, for messages. */

const SCALARS: ReadonlyMap<string, string> = new Map([
  ['string', 'a str'],
  ['number', 'a number'],
  ['bigint', 'an int'],
  ['boolean', 'a bool'],
]);
const MOST_ENTRIES = 4;

/** What a value is; of a dict, what is in it. */
export function describe(value: PickleValue): string {
  if (isKind(value, 'dict') && value.entries.size > 0) return `a dict of ${describeEntries(Array.from(value.entries))}`;
  return describeType(value);
}

/** Keys, each with what it holds; beyond a few only how many more. */
export function describeEntries(entries: readonly (readonly [PickleValue, PickleValue])[]): string {
  const shown = entries.slice(0, MOST_ENTRIES).map(([key, value]) => {
    const name = typeof key === 'string' ? quote(key) : describeType(key);
    return `${name} (${describeType(value)})`;
  });
  if (entries.length > MOST_ENTRIES) shown.push(`${entries.length - MOST_ENTRIES} more`);
  return shown.join(', ');
}

function describeType(value: PickleValue): string {
  if (value === null) return 'None';
  if (typeof value !== 'object') return SCALARS.get(typeof value) ?? typeof value;
  if (value instanceof Uint8Array) return 'bytes';
  if (isKind(value, 'placeholder') || isKind(value, 'global')) return quote(qualifiedName(value));
  return `a ${value.kind}`;
}
