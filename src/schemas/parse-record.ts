import { z } from 'zod';
import { messageOf, RunError } from '../errors.ts';

const versioned = z.looseObject({ schema: z.string() });

/** A document that igd wrote, read again. Throws RunError where it is damaged, or of a version that wrote another form. */
export function parseRecord<T>(schema: z.ZodType<T>, bytes: Uint8Array | string, key: string): T {
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

/** A record as the service keeps it. */
export function encodeRecord(record: unknown): string {
  return `${JSON.stringify(record)}\n`;
}

/** The record under `key`; undefined where there is none. Throws RunError where it is of another version or damaged. */
export async function readRecord<S extends z.ZodType>(
  store: { get(key: string): Promise<Uint8Array | undefined> },
  key: string,
  schema: S,
): Promise<z.infer<S> | undefined> {
  const bytes = await store.get(key);
  return bytes === undefined ? undefined : decodeRecord(bytes, key, schema);
}

function decodeRecord<S extends z.ZodType>(bytes: Uint8Array, key: string, schema: S): z.infer<S> {
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw new RunError(`${key} is no record of this version of igd: ${messageOf(cause)}`, { cause });
  }
}
