import { InputError } from '../../errors.ts';
import { type History, historySchema } from '../../schemas/history.ts';

/** What tells of a schedule's history, beside its page. */
export const HISTORY_FILE = 'history.json';

/** Throws InputError, naming `where`, for what is no history of this version. */
export function parseHistory(document: unknown, where: string): History {
  const parsed = historySchema.safeParse(document);
  if (parsed.success) return parsed.data;
  throw new InputError(
    `${where} is no history of this version of igd: it is written again when its schedule fires next`,
  );
}
