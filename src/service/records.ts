import type { z } from 'zod';
import { messageOf, RunError } from '../contracts/errors.ts';
import type { Store } from '../stores/store.ts';

/** A record as the service keeps it. */
export function encodeRecord(record: unknown): string {
  return `${JSON.stringify(record)}\n`;
}

/** The record under `key`; undefined where there is none. Throws RunError where it is of another version or damaged. */
export async function readRecord<S extends z.ZodType>(
  store: Store,
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
