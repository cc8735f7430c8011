import { type IgdError, messageOf } from '../errors.ts';

/** The value a JSON text stands for; where it is none, throws what `refused` makes of the reason. */
export function parseJson(text: string, refused: (reason: string, options: { cause: unknown }) => IgdError): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refused(messageOf(cause), { cause });
  }
}
