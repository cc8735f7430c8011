import { RunError } from '../../errors.ts';
import { imagesText } from '../../numeric/ranges.ts';

/**
 * Images on which a model may give no prediction, as they are or at a point that an attack tried, before its numbers are no
 * longer worth having: 3 of 1,000 images are 0.3 points, within the interval of any accuracy. Up to that they are named in a
 * flag, and count as `docs/fidelity.md` says.
 */
const MOST_UNPREDICTED = 3;

/** Throws RunError that names the images a model gives no prediction on, where they are more than a run goes on with. */
export function requireFewUnpredicted(images: Iterable<number>, model = 'the model'): void {
  const distinct = new Set(images);
  if (distinct.size <= MOST_UNPREDICTED) return;
  throw new RunError(
    `${model} gives no prediction on ${imagesText(distinct)}: logits are NaN or infinite, there or at points near there ` +
      `that an attack tried, and numbers hold with at most ${MOST_UNPREDICTED} such images. Look in the model for a division by 0, ` +
      'a logarithm of 0, an overflow, or a "probability" (binary) outside [0, 1]',
  );
}
