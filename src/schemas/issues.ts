import { closest, distance } from 'fastest-levenshtein';
import type { z } from 'zod';
import { visible } from './config-text/refusals.ts';

/** What an unknown key may have been meant for: the keys known where it stands, and those of the whole document. */
interface KnownKeys {
  readonly here: readonly string[];
  readonly elsewhere?: readonly string[];
}
export type KeysAt = (path: readonly PropertyKey[]) => KnownKeys;

/** What is wrong with a document, a line each: where and what. */
export function suggestedIssues(error: z.ZodError, keysAt: KeysAt = () => ({ here: [] })): string[] {
  return error.issues.flatMap((issue) => describe(issue, [], keysAt));
}

function describe(issue: z.core.$ZodIssue, base: readonly PropertyKey[], keysAt: KeysAt): string[] {
  const path = [...base, ...issue.path];
  const where = path.length === 0 ? '' : `${path.map(String).join('.')}: `;
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => `${where}unknown key "${visible(key)}"${suggestion(key, keysAt(path))}`);
  if (issue.code === 'invalid_union') return describeUnion(issue, path, keysAt);
  return [`${where}${issue.message}`];
}

/** The branch that fits best speaks for the union: the one that got furthest into the document. */
function describeUnion(issue: z.core.$ZodIssueInvalidUnion, path: readonly PropertyKey[], keysAt: KeysAt): string[] {
  const depth = (branch: readonly z.core.$ZodIssue[]) =>
    Math.max(...branch.map(({ path: inner, code }) => inner.length * 2 + Number(code !== 'invalid_type')));
  const [best] = [...issue.errors].sort((a, b) => depth(b) - depth(a));
  return best === undefined
    ? [`${path.map(String).join('.')}: ${issue.message}`]
    : best.flatMap((inner) => describe(inner, path, keysAt));
}

/** The nearest name where one is near, here first; else, what there is here. */
function suggestion(key: string, { here, elsewhere = [] }: KnownKeys): string {
  if (here.length === 0) return '';
  // A key of another branch of a union: "targets" for an attack that has none.
  if (here.includes(key)) return ': it cannot be combined with the others here';
  for (const known of [here, elsewhere]) {
    const nearest = nearestName(key, known);
    if (nearest !== undefined)
      return `; the nearest known name is "${nearest}"${known === here ? '' : ', of another section'}`;
  }
  return `; known are ${here.join(', ')}`;
}

/** The known name that `name` may have been meant for; undefined where none is near. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const nearest = closest(name, [...known]);
  return distance(name, nearest) <= name.length / 2 ? nearest : undefined;
}
