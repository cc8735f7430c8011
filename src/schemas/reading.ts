import { z } from 'zod';

/** Who decided how a checkpoint is read: its user, a table of facts about zoos, the file, its weights, or nobody. */
const READING_SOURCES = ['stated', 'zoo', 'file', 'weights', 'assumed'] as const;
export type ReadingSource = (typeof READING_SOURCES)[number];

/** One choice in reading a model: `activation`, `silu`, and where that comes from. */
export const readingFactSchema = z.strictObject({
  key: z.string(),
  value: z.string(),
  source: z.enum(READING_SOURCES),
});
/** One choice in reading a model: `key` and `value` in words, and `source`, who decided it. */
export type ReadingFact = z.infer<typeof readingFactSchema>;

const PREFACES: Readonly<Record<ReadingSource, string>> = {
  stated: 'as stated',
  zoo: "by the zoo's table",
  file: 'read from the file',
  weights: 'shown by the weights',
  assumed: 'assumed, not read from the file',
};

/** What says more than its value. */
const PHRASES = new Map([['normalization none', 'images in [0, 1], not normalised']]);

function phrase(fact: string): string {
  return PHRASES.get(fact) ?? fact;
}

/** The facts in words, a line for each source, what is assumed last: "assumed, not read from the file: activation relu". */
export function describeReading(facts: readonly ReadingFact[]): string[] {
  return READING_SOURCES.flatMap((source) => ofSource(facts, source) ?? []);
}

/** The line of what is assumed; undefined where nothing is. */
export function assumedIn(facts: readonly ReadingFact[]): string | undefined {
  return ofSource(facts, 'assumed');
}

function ofSource(facts: readonly ReadingFact[], source: ReadingSource): string | undefined {
  const values = facts.filter((fact) => fact.source === source).map(({ key, value }) => phrase(`${key} ${value}`));
  return values.length === 0 ? undefined : `${PREFACES[source]}: ${values.join('; ')}`;
}
