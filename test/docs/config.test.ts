import { expect, test } from 'vitest';
import { z } from 'zod';
import { configSchema } from '../../src/schemas/config.ts';
import { readPage } from '../support/markdown.ts';

/** The pages that a config's keys are on. */
const PAGES = ['docs/config.md', 'docs/attacks.md', 'docs/audit.md'];

/** Keys of a JSON schema, and the words that its values may be. */
function wordsIn(schema: unknown): string[] {
  if (Array.isArray(schema)) return schema.flatMap(wordsIn);
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]) => {
    if (key === 'properties') return [...Object.keys(Object(value)), ...wordsIn(Object.values(Object(value)))];
    if (key === 'enum' || key === 'const') return [value].flat().filter((word) => typeof word === 'string');
    return wordsIn(value);
  });
}

test('every key of a config, and every word that it takes, is in the documentation', () => {
  const code = PAGES.flatMap((page) => readPage(page).code).join(' ');
  // Words with hyphens and dots in them count whole.
  const isNamed = (word: string) => new RegExp(`(?<![\\w-])${word.replaceAll(/[.+]/g, '\\$&')}(?![\\w-])`).test(code);
  const words = new Set(wordsIn(z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' })));
  expect(words.size).toBeGreaterThan(150);
  expect([...words].filter((word) => !isNamed(word))).toEqual([]);
  expect(isNamed('testImage')).toBe(false);
});
