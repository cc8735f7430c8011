import { z } from 'zod';

/** What a name may hold that files, keys of buckets and jobs are called by. */
const ANY_NAME = { pattern: /^[\w.-]*$/, said: 'letters, digits, ".", "_" and "-"' };

/** A name of 1 to `most` characters. */
export function shortName(most: number, { pattern, said } = ANY_NAME): z.ZodString {
  return z
    .string()
    .min(1, 'is empty')
    .max(most, { error: ({ input }) => `is ${String(input).length} characters long, at most ${most} are possible` })
    .regex(pattern, `may hold ${said} only`);
}
