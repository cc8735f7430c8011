import { RunError } from '../../errors.ts';
import { imageRanges } from '../../numeric/ranges.ts';
import type { ModelProof } from '../../schemas/proof.ts';
import type { Published } from '../../schemas/published.ts';
import type { Report } from '../../schemas/report.ts';
import type { AttackUsage, ImageOutcome, ModelChecks, ShardResult } from '../../schemas/results.ts';
import type { Variant } from '../../schemas/variants.ts';

/** What is known of a run before any image is evaluated: everything a report holds besides its results. */
export type RunFacts = Pick<Report, 'run' | 'checkpoint' | 'dataset' | 'ranking'> & {
  readonly variants: readonly Variant[];
  /** True where an attack of the suite averages gradients over a model's noise (EoT). */
  readonly averagesNoise: boolean;
  /** Numbers of the images the report is about, rising, `run.images` of them; left out, the first ones. */
  readonly images?: readonly number[];
  readonly published?: PublishedFacts;
  /** Groups of images of the data set that are equal. */
  readonly copies?: readonly (readonly number[])[] | undefined;
  /** What must be known of the images. */
  readonly notes?: Report['flags'] | undefined;
  /** By variant, of those that have one. */
  readonly proofs?: ReadonlyMap<string, ModelProof>;
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

/** Throws RunError with the problem and the images that have it, unless there are none. */
export function refuseImages(images: Iterable<number>, problem: string): void {
  const ranges = imageRanges(images);
  if (ranges !== '') throw new RunError(`${problem}: ${ranges}`);
}

/** Everything the shards of one variant found, as if one shard had done it all. */
export interface VariantOutcomes {
  readonly variant: Variant;
  /** Rising by number, the same images for every variant. */
  readonly images: readonly ImageOutcome[];
  /** By attack, in the suite's order. */
  readonly usage: ReadonlyMap<string, Usage>;
  /** All shards together. */
  readonly checks: ModelChecks;
  /** What each shard says of its examples once they are rounded. */
  readonly rounded: readonly ShardResult['quantised'][];
}

export type Usage = Pick<AttackUsage, 'seconds' | 'forwards' | 'gradients'>;

/**
 * Puts the shards of a run together, in whatever order they come. Throws RunError where an image is missing, there twice,
 * or contradicts the run.
 */
export function collectOutcomes(facts: RunFacts, shards: readonly ShardResult[]): VariantOutcomes[] {
  const shardsOf = new Map(facts.variants.map(({ id }): [string, ShardResult[]] => [id, []]));
  for (const shard of shards) known(shardsOf, shard.variant, 'variant').push(shard);
  const covered = facts.images ?? Array.from({ length: facts.run.images }, (_, image) => image);
  const outcomes = facts.variants.map((variant) => {
    const own = known(shardsOf, variant.id, 'variant');
    return {
      variant,
      images: joinImages(own, facts.run, covered, variant.id),
      usage: sumUsage(own, facts.run.suite),
      checks: joinChecks(own.map(({ checks }) => checks)),
      rounded: own.map(({ quantised }) => quantised),
    };
  });
  refuseContradictingLabels(outcomes);
  return outcomes;
}

function joinImages(
  shards: readonly ShardResult[],
  run: RunFacts['run'],
  covered: readonly number[],
  variant: string,
): ImageOutcome[] {
  const attacks = new Map(run.suite.map(({ name }) => [name, name]));
  const found = new Map<number, ImageOutcome>();
  const twice: number[] = [];
  for (const outcome of shards.flatMap(({ images }) => images)) {
    if (found.has(outcome.image)) twice.push(outcome.image);
    for (const attack of breakersOf(outcome)) known(attacks, attack, 'attack');
    found.set(outcome.image, outcome);
  }
  const expected = new Set(covered);
  const missing = covered.filter((image) => !found.has(image));
  const foreign = [...found.keys()].filter((image) => !expected.has(image));
  const wrongAndBroken = [...found.values()].filter(
    ({ brokenBy, label, cleanPrediction }) => brokenBy !== null && cleanPrediction !== label,
  );
  const refuse = (images: readonly number[], problem: string) => refuseImages(images, `variant ${variant}: ${problem}`);
  refuse(twice, 'images in more than one shard');
  refuse(foreign, `images beyond the run's ${run.images}`);
  refuse(missing, 'images in no shard (run it again to have them done)');
  refuse(
    wrongAndBroken.map(({ image }) => image),
    'images that an attack broke though they were wrong from the start',
  );
  return covered.map((image) => found.get(image)!);
}

/** Every attack that is known to have broken an image. */
export function breakersOf({ brokenBy, brokenByEach }: ImageOutcome): readonly string[] {
  return brokenByEach ?? (brokenBy === null ? [] : [brokenBy]);
}

function joinChecks(checks: readonly ModelChecks[]): ModelChecks {
  const nonFinite = sum(checks.map(({ nonFiniteGradientImages = 0 }) => nonFiniteGradientImages));
  return {
    randomised: checks.some(({ randomised }) => randomised),
    probabilities: checks.length > 0 && checks.every(({ probabilities }) => probabilities),
    zeroGradientImages: sum(checks.map(({ zeroGradientImages }) => zeroGradientImages)),
    ...(nonFinite === 0 ? {} : { nonFiniteGradientImages: nonFinite }),
  };
}

function sumUsage(shards: readonly ShardResult[], suite: RunFacts['run']['suite']): Map<string, Usage> {
  const usages = new Map(suite.map(({ name }): [string, AttackUsage[]] => [name, []]));
  for (const usage of shards.flatMap(({ attacks }) => attacks)) known(usages, usage.attack, 'attack').push(usage);
  return new Map([...usages].map(([attack, parts]) => [attack, sumOf(parts)]));
}

/** The same in whatever order they come. */
export function sumOf(parts: readonly AttackUsage[]): Usage {
  return {
    seconds: sum(parts.map(({ seconds }) => seconds)),
    forwards: sum(parts.map(({ forwards }) => forwards)),
    gradients: sum(parts.map(({ gradients }) => gradients)),
  };
}

/** Floating-point sums depend on the order of their terms: sorted, they do not depend on the order of shards. */
function sum(terms: readonly number[]): number {
  return terms.toSorted((a, b) => a - b).reduce((total, term) => total + term, 0);
}

function refuseContradictingLabels([first, ...others]: readonly VariantOutcomes[]): void {
  for (const { variant, images } of others) {
    const differing = images.filter(({ label }, place) => first?.images[place]?.label !== label);
    refuseImages(
      differing.map(({ image }) => image),
      `variants ${first?.variant.id} and ${variant.id} saw different labels (the data set changed during the run), images`,
    );
  }
}
