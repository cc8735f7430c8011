import { RunError } from '../errors.ts';
import { wilsonInterval } from '../numeric/statistics.ts';
import type { Report, VariantReport } from '../schemas/report.ts';
import type { ImageOutcome, ShardResult, TransferResult } from '../schemas/results.ts';
import { maskKind } from '../schemas/variants.ts';
import { flagRun, flagVariant } from './flags.ts';
import { comparePublished } from './published.ts';
import { summariseAudit } from './summary/audit.ts';
import { comparePairs, summariseThresholds } from './summary/comparisons.ts';
import { breakersOf, collectOutcomes, type RunFacts } from './summary/outcomes.ts';
import { summariseQuantised } from './summary/quantised.ts';
import { type ScoredVariant, scoreVariants, shareOf, transferRows } from './summary/variants.ts';

export type { RunFacts } from './summary/outcomes.ts';

/**
 * The report of a run from what its jobs left behind. How the run was cut into shards, and the order in which they come,
 * change nothing. Throws RunError where the results are not exactly those of the run: every image once for every variant,
 * every adversarial example predicted once by every other variant. A run that misses results is reported on the images it has
 * (`facts.images`), and flagged.
 */
export function aggregate(
  facts: RunFacts,
  shards: readonly ShardResult[],
  transfers: readonly TransferResult[],
  audits: readonly ShardResult[] = [],
): Report {
  const { checkpoint, dataset, ranking } = facts;
  if (facts.run.images < 1) throw new RunError('a report needs at least one image: the run has none');
  const scored = scoreVariants(collectOutcomes(facts, shards), transfers, facts.copies);
  const run = withDistinct(facts.run, scored);
  const comparisons = comparePairs(scored);
  const summaries = scored.map((variant) => summarise(variant, facts, audits));
  const base = summaries.find(({ mask }) => mask === 'none');
  const variants = summaries.map((variant) => ({
    ...variant,
    flags: [
      ...flagVariant({
        variant,
        base,
        run,
        comparisons,
        classes: checkpoint.classes,
        averagesNoise: facts.averagesNoise,
      }),
      ...proofFlags(variant.proof),
    ],
  }));
  const sweep = summariseThresholds(run, summaries, comparisons);
  const flags = [...flagRun({ run, sweep, dataset, testimony: checkpoint.testimony }), ...(facts.notes ?? [])];
  const published =
    facts.published === undefined
      ? null
      : comparePublished(facts.published, summaries, {
          images: run.images,
          effective: run.effectiveImages ?? run.images,
          comparisons,
        });
  return { schema: 'igd.report/2', run, checkpoint, dataset, ranking, variants, comparisons, sweep, published, flags };
}

/** Oddities that shards look for themselves, on every image: their flags have the numbers. */
const SEEN_BY_SHARDS: ReadonlySet<string> = new Set(['not-finite', 'gradient-not-finite', 'gradient-zero']);

function proofFlags(proof: VariantReport['proof']): VariantReport['flags'] {
  return (proof?.notes ?? []).filter(({ code }) => !SEEN_BY_SHARDS.has(code));
}

/** The run's facts, with how many of its images are distinct where not all are. */
function withDistinct(run: Report['run'], [first]: readonly ScoredVariant[]): Report['run'] {
  if (first === undefined || first.distinct.places.length === run.images) return run;
  return { ...run, distinctImages: first.distinct.places.length, effectiveImages: first.distinct.effective };
}

type Summary = Omit<VariantReport, 'flags'>;

function summarise(scored: ScoredVariant, facts: RunFacts, audits: readonly ShardResult[]): Summary {
  const { run, dataset, proofs } = facts;
  const { variant, images, rounded, right, distinct } = scored;
  const { clean, attacked } = scored.unpredicted;
  const proof = proofs?.get(variant.id);
  const audit = summariseAudit(scored, facts, audits);
  const quantised = summariseQuantised({ id: variant.id, images, parts: rounded, distinct });
  return {
    id: variant.id,
    mask: maskKind(variant),
    ...(variant.mask?.kind === 'confidence' ? { threshold: variant.mask.threshold } : {}),
    clean: shareOf(right.clean, distinct),
    robust: shareOf(right.robust, distinct),
    attacks: attackRows(scored, run.suite),
    perClass: classRows(scored, dataset.classNames),
    worstCase: shareOf(right['worst-case'], distinct),
    ...(audit && { audit }),
    ...(quantised && { quantised }),
    transfer: transferRows(scored),
    checks: scored.checks,
    ...(clean.length + attacked.length === 0 ? {} : { unpredicted: { clean: [...clean], attacked: [...attacked] } }),
    ...(proof && { proof }),
  };
}

/**
 * Within a group each attack sees only what those before it left, so accuracy falls step by step from clean; every group
 * begins with all images.
 */
function attackRows(
  { variant, images, right, usage, distinct }: ScoredVariant,
  suite: RunFacts['run']['suite'],
): Summary['attacks'] {
  const left = new Map<string, number>();
  return suite.map(({ name: attack, group, sees, except = [] }, place) => {
    const earlier = suite.slice(0, place).filter((entry) => entry.group === group);
    const found = images.filter((image) => breakersOf(image).includes(attack));
    const isNew = (image: ImageOutcome) => !earlier.some(({ name }) => breakersOf(image).includes(name));
    const broken = found.filter(isNew).length;
    const robust = (left.get(group) ?? right.clean.filter(Boolean).length) - broken;
    left.set(group, robust);
    return {
      attack,
      group,
      robustAccuracy: robust / images.length,
      interval: wilsonInterval(robust, images.length, distinct.effective),
      broken,
      ...(sees === 'all' && !except.includes(variant.id) && { alone: found.length }),
      ...(usage.get(attack) ?? { seconds: 0, forwards: 0, gradients: 0 }),
    };
  });
}

/** The classes that occur, in order: of a class without images there is nothing to say. */
function classRows({ images, right }: ScoredVariant, names: readonly string[]): Summary['perClass'] {
  const labels = [...new Set(images.map(({ label }) => label))].sort((a, b) => a - b);
  return labels.map((label) => {
    const members = [...images.keys()].filter((place) => images[place]?.label === label);
    const share = (correct: readonly boolean[]) => members.filter((place) => correct[place]).length / members.length;
    return {
      class: label,
      name: names[label] ?? `class ${label}`,
      images: members.length,
      clean: share(right.clean),
      robust: share(right.robust),
    };
  });
}
