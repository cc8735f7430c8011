import { z } from 'zod';
import { RunError } from '../contracts/errors.ts';

const versioned = z.looseObject({ schema: z.string() });

/** A document that igd wrote, read again. Throws RunError where it is damaged, or of a version that wrote another form. */
export function parseStored<T>(schema: z.ZodType<T>, bytes: Uint8Array | string, key: string): T {
  const document = documentOf(typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes));
  const parsed = schema.safeParse(document);
  if (parsed.success) return parsed.data;
  const written = versioned.safeParse(document);
  const isOther = parsed.error.issues.some(({ path }) => path.join() === 'schema');
  throw new RunError(
    written.success && isOther
      ? `${key} was written by another version of igd (${written.data.schema}): start the run in a new folder`
      : `${key} is damaged: delete it and run again`,
  );
}

/** undefined where the text is no JSON. */
function documentOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
