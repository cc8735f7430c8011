import { z } from 'zod';

/** Something of a data set that its user must know before trusting a number: a stable code, and a sentence. */
export const noteSchema = z.strictObject({ code: z.string(), message: z.string() });
export type Note = z.infer<typeof noteSchema>;
