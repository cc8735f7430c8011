import type { Note } from '../schemas/notes.ts';
import { assumedIn, type ReadingFact } from '../schemas/reading.ts';
import { print } from './storage-location.ts';

/** Says what of a model nobody has stated and its file does not tell, results are about the model read that way. */
export function sayAssumed(reading: readonly ReadingFact[]): void {
  const assumed = assumedIn(reading);
  if (assumed !== undefined) print(assumed);
}

/** What the reader of a model says of it, for programs. */
export function modelNotes(notes: readonly string[]): Note[] {
  return notes.map((message) => ({ code: 'model', message }));
}

/** The same for people: that a model draws random numbers, say, belongs to every number that it gives. */
export function sayModelNotes(notes: readonly string[]): void {
  for (const note of notes) print(`  ${note}`);
}
