import { z } from 'zod';
import { RunError } from '../errors.ts';

const versioned = z.looseObject({ schema: z.string() });

/** What to do about a document that cannot be read. */
export interface Remedy {
  readonly other: string;
  readonly damaged: string;
}

const ON_ONE_MACHINE: Remedy = { other: 'start the run in a new folder', damaged: 'delete it and run again' };

/** A document that igd wrote, read again. Throws RunError where it is damaged, or of a version that wrote another form. */
export function parseRecord<T>(
  schema: z.ZodType<T>,
  bytes: Uint8Array | string,
  key: string,
  remedy: Remedy = ON_ONE_MACHINE,
): T {
  const document = documentOf(typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes));
  const parsed = schema.safeParse(document);
  if (parsed.success) return parsed.data;
  const written = versioned.safeParse(document);
  const isOther = parsed.error.issues.some(({ path }) => path.join() === 'schema');
  throw new RunError(
    written.success && isOther
      ? `${key} was written by another version of igd (${written.data.schema}): ${remedy.other}`
      : `${key} is damaged: ${remedy.damaged}`,
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

const ON_AWS: Remedy = {
  other: 'deploy that version again (npx cdk deploy), or delete it and give "igd retry" to its run',
  damaged: 'delete it and give "igd retry" to its run',
};

/** A record as the service keeps it. */
export function encodeRecord(record: unknown): string {
  return `${JSON.stringify(record)}\n`;
}

/** The record under `key`; undefined where there is none. Throws RunError where it is of another version or damaged. */
export async function readRecord<T>(
  store: { get(key: string): Promise<Uint8Array | undefined> },
  key: string,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  const bytes = await store.get(key);
  return bytes === undefined ? undefined : parseRecord(schema, bytes, key, ON_AWS);
}
