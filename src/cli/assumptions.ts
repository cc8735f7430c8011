import { assumedIn, type ReadingFact } from '../schemas/reading.ts';
import { print } from './storage-location.ts';

/** Says what of a model nobody has stated and its file does not tell, results are about the model read that way. */
export function sayAssumed(reading: readonly ReadingFact[]): void {
  const assumed = assumedIn(reading);
  if (assumed !== undefined) print(assumed);
}
