import { type IgdError, messageOf } from '../errors.ts';

/** The value a JSON text stands for; where it is none, throws what `refused` makes of the reason. */
export function parseJson(text: string, refused: (reason: string, options: { cause: unknown }) => IgdError): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refused(messageOf(cause), { cause });
  }
}

/** JSON with the keys of every object sorted: the same text for the same value, wherever it was read or made. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
