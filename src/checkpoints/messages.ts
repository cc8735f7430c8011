import { CheckpointError, messageOf } from '../errors.ts';

const LONGEST_QUOTE = 100;

/** Text from inside a file, quoted for an error message: on one line, without control characters, of bounded length. */
export function quote(text: string): string {
  return JSON.stringify(text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text);
}

/** Quoted names with a comma between; beyond `most` of them only their number. */
export function quoteSome(names: readonly string[], most: number): string {
  const shown = names.slice(0, most).map(quote).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}

/** `error` as a CheckpointError whose message starts with the file it concerns; what was caught stays as its cause. */
export function locatedIn(path: string, error: unknown): CheckpointError {
  if (error instanceof CheckpointError) return new CheckpointError(`${path}: ${error.message}`, { cause: error });
  return new CheckpointError(`${path}: cannot be read: ${messageOf(error)}`, { cause: error });
}
