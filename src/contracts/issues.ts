import { closest } from 'fastest-levenshtein';
import type { z } from 'zod';

/**
 * What is wrong with a document, a line each: where and what. `knownKeys` are the names an unknown key may have been
 * meant for.
 */
export function suggestedIssues(error: z.ZodError, knownKeys: readonly string[] = []): string[] {
  return error.issues.flatMap((issue) => describe(issue, [], knownKeys));
}

function describe(issue: z.core.$ZodIssue, base: readonly PropertyKey[], knownKeys: readonly string[]): string[] {
  const path = [...base, ...issue.path];
  const where = path.length === 0 ? '' : `${path.map(String).join('.')}: `;
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => `${where}unknown key "${key}"${suggestion(key, knownKeys)}`);
  if (issue.code === 'invalid_union') return describeUnion(issue, path, knownKeys);
  return [`${where}${issue.message}`];
}

/** The branch that fits best speaks for the union: the one that got furthest into the document. */
function describeUnion(
  issue: z.core.$ZodIssueInvalidUnion,
  path: readonly PropertyKey[],
  knownKeys: readonly string[],
): string[] {
  const depth = (branch: readonly z.core.$ZodIssue[]) =>
    Math.max(...branch.map(({ path: inner, code }) => inner.length * 2 + Number(code !== 'invalid_type')));
  const [best] = [...issue.errors].sort((a, b) => depth(b) - depth(a));
  return best === undefined
    ? [`${path.map(String).join('.')}: ${issue.message}`]
    : best.flatMap((inner) => describe(inner, path, knownKeys));
}

function suggestion(key: string, knownKeys: readonly string[]): string {
  if (knownKeys.length === 0) return '';
  return `; the nearest known name is "${closest(key, [...knownKeys])}"`;
}
