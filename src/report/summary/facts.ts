import { RunError } from '../../contracts/errors.ts';
import type { Published } from '../../contracts/published.ts';
import type { Report } from '../../contracts/report.ts';
import type { Variant } from '../../contracts/variants.ts';

/** What is known of a run before any image is judged: everything a report holds besides its results. */
export type RunFacts = Pick<Report, 'run' | 'checkpoint' | 'dataset' | 'ranking'> & {
  readonly variants: readonly Variant[];
  /** True where an attack of the suite averages gradients over a model's noise (EoT); left out, its name tells. */
  readonly averagesNoise?: boolean;
  /** Numbers of the images the report is about, rising, `run.images` of them; left out, the first ones. */
  readonly images?: readonly number[];
  readonly published?: PublishedFacts;
};

/** What others found, and in which ways they went about it differently, a sentence each. */
export type PublishedFacts = Published & { readonly differences: readonly string[] };

/** The variant's or attack's known value by name; RunError where results speak of one the run does not have. */
export function known<T>(values: ReadonlyMap<string, T>, name: string, what: string): T {
  const value = values.get(name);
  if (value !== undefined) return value;
  throw new RunError(
    `the results hold ${what} "${name}", which this run does not have (${[...values.keys()].join(', ')}): they are of another run`,
  );
}

const RANGES_SHOWN = 8;

/** Numbers of images or shards for a message, neighbours joined: "3, 7-9 and 212 more". */
export function imageRanges(images: Iterable<number>): string {
  const sorted = [...new Set(images)].sort((a, b) => a - b);
  const ranges: { first: number; last: number }[] = [];
  for (const image of sorted) {
    const open = ranges.at(-1);
    if (open !== undefined && image === open.last + 1) open.last = image;
    else ranges.push({ first: image, last: image });
  }
  const shown = ranges.slice(0, RANGES_SHOWN);
  const left = ranges.slice(RANGES_SHOWN).reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const text = shown.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(', ');
  return left === 0 ? text : `${text} and ${left} more`;
}

/** Throws RunError with the problem and the images that have it, unless there are none. */
export function refuseImages(images: Iterable<number>, problem: string): void {
  const ranges = imageRanges(images);
  if (ranges !== '') throw new RunError(`${problem}: ${ranges}`);
}
