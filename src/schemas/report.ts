import { z } from 'zod';
import { numericsSchema } from './numerics.ts';
import { modelProofSchema } from './proof.ts';
import { readingFactSchema } from './reading.ts';
import { modelChecksSchema } from './results.ts';
import { testimonySchema } from './testimony.ts';

/** The report's machine-readable form, versioned: consumers check `schema`. Shares are in [0, 1]. */

/** Wilson's 95% interval of a share. */
const interval = z.tuple([z.number(), z.number()]);
export const shareSchema = z.strictObject({ accuracy: z.number(), correct: z.int(), interval });
export type Share = z.infer<typeof shareSchema>;

/** Something a reader must know before trusting a number. `code` is stable; `message` is a sentence. */
const flag = z.strictObject({ code: z.string(), message: z.string() });
/** Something a reader must know before trusting a number: a stable code, and a sentence. */
export type Flag = z.infer<typeof flag>;

const attack = z.strictObject({
  attack: z.string(),
  /** Attacks of one group saw what those before them in it left; each group began with all images. */
  group: z.string(),
  /** Share of all images still robust after this attack and those before it in its group. */
  robustAccuracy: z.number(),
  interval,
  /** Images this attack broke of those that it is to break: what the attacks before it in its group left. */
  broken: z.int(),
  /** Images that it breaks of all that are right, where it saw them all. */
  alone: z.int().optional(),
  /** Summed over shards. */
  seconds: z.number(),
  forwards: z.int(),
  gradients: z.int(),
});

const perClass = z.strictObject({
  class: z.int(),
  name: z.string(),
  images: z.int(),
  clean: z.number(),
  robust: z.number(),
});

/** What another suite would leave besides, from a sample of the images that the run's own left robust. */
const audit = z.strictObject({
  /** A suite's name, or its attacks. */
  suite: z.string(),
  /** Robust under the run's own suite, and those of them that were sampled. */
  survivors: z.int(),
  sample: z.int(),
  /** Images of the sample that the audit's suite broke. */
  broken: z.array(z.int()),
  /** Estimate of the share of all images that both suites leave. */
  accuracy: z.number(),
  /** Exact; with `confidence` the intervals of all variants hold at once. */
  interval,
  confidence: z.number(),
  /** Where the interval is wider than asked: the sample that would do, were as large a share to break again. */
  needed: z.int().optional(),
  /** Summed over shards. */
  seconds: z.number(),
  forwards: z.int(),
  gradients: z.int(),
});
export type AuditReport = z.infer<typeof audit>;

/** Where adversarial examples are rounded as files of images hold them. */
const quantised = z.strictObject({
  /** 8 bits are steps of 1/255. */
  bits: z.int(),
  /** Right on the clean image, and on the rounded example where there is one: an upper bound. */
  robust: shareSchema,
  /** Examples that were rounded: one for each broken image. */
  examples: z.int(),
  /** Those that are classified as their labels once they are rounded. */
  restored: z.int(),
  /** Those of which the model then gives no prediction; left out where there are none. */
  unpredicted: z.int().optional(),
  /** Those that rounding takes beyond epsilon. */
  outside: z.int(),
  /** Those whose clean images are not of so many bits either. */
  offGrid: z.int(),
});
/** Where adversarial examples are rounded as files of images hold them. */
export type QuantisedReport = z.infer<typeof quantised>;

const variant = z.strictObject({
  id: z.string(),
  mask: z.enum(['none', 'two-pass', 'top-k', 'confidence']),
  threshold: z.number().optional(),
  clean: shareSchema,
  robust: shareSchema,
  attacks: z.array(attack),
  perClass: z.array(perClass),
  /** Robust to its own attack and to the adversarial examples of every other variant. */
  worstCase: shareSchema,
  /** In reports of runs that ask for an audit; missing where it is not done. */
  audit: audit.optional(),
  /** Not in reports of runs before it was looked at. */
  quantised: quantised.optional(),
  /** Accuracy on each source variant's examples: the example where the source has one, else the clean image. */
  transfer: z.array(z.strictObject({ source: z.string(), accuracy: z.number(), interval })),
  /** What was measured before any attack; the flags say what it means. */
  checks: modelChecksSchema,
  /**
   * Images that it gives no prediction on (NaN or infinite logits): as they are, and at a point that an attack tried or on
   * another variant's example. Left out where there are none; a run ends where there are more than a few.
   */
  unpredicted: z.strictObject({ clean: z.array(z.int()), attacked: z.array(z.int()) }).optional(),
  /** That its model computes what it says; not in reports of runs before 0.2. */
  proof: modelProofSchema.optional(),
  flags: z.array(flag),
});
export type VariantReport = z.infer<typeof variant>;

/** McNemar's exact test on the same images. */
const comparison = z.strictObject({
  a: z.string(),
  b: z.string(),
  measure: z.enum(['clean', 'robust', 'worst-case']),
  /** Images right under a alone, under b alone. */
  onlyA: z.int(),
  onlyB: z.int(),
  /** Two-sided. */
  pValue: z.number(),
});
export type Comparison = z.infer<typeof comparison>;

const rankingMethod = z.strictObject({
  method: z.string(),
  /** Content address in the ranking store; null for an imported ranking. */
  digest: z.string().nullable(),
  signed: z.boolean(),
  probeImages: z.int(),
  /** Mean Jaccard overlap of the top-k units of two different classes: 1 is a ranking without class information. */
  meanOverlap: z.number(),
  /** [C][C] Jaccard overlap of the classes' top-k units. */
  overlap: z.array(z.array(z.number())),
  deadUnits: z.int(),
  flags: z.array(flag),
});

/** What a published number is of; an `attack` says which. A gain is accuracy less that of variant none, same images. */
const PUBLISHED_MEASURES = [
  'clean',
  'robust',
  'worst-case',
  'attack',
  'clean-gain',
  'robust-gain',
  'best-class-clean',
  'best-class-robust',
  'worst-class-clean',
  'worst-class-robust',
] as const;

/** A published number beside ours. */
const publishedRow = z.strictObject({
  variant: z.string(),
  measure: z.enum(PUBLISHED_MEASURES),
  /** An attack of the suite, or a group of attacks. */
  attack: z.string().optional(),
  published: z.number(),
  ours: z.number(),
  /** Of ours. */
  interval,
  /** Ours less the published. */
  difference: z.number(),
  /** Whether the published number lies in our interval. */
  within: z.boolean(),
});
export type PublishedRow = z.infer<typeof publishedRow>;

const published = z.strictObject({
  source: z.string(),
  /** How the two were found in different ways, as far as known, a sentence each. */
  differences: z.array(z.string()),
  notes: z.array(z.strictObject({ variant: z.string().nullable(), note: z.string() })),
  rows: z.array(publishedRow),
});
export type PublishedReport = z.infer<typeof published>;

/** A shard of the plan, from 0, that a variant has no result for. */
const missingResult = z.strictObject({ variant: z.string(), shard: z.int().nonnegative() });
export type MissingResult = z.infer<typeof missingResult>;

/** Checks that a document is a report of this version: report.json of a run. */
export const reportSchema = z.strictObject({
  schema: z.literal('igd.report/2'),
  run: z.strictObject({
    name: z.string(),
    /** Digest of config and inputs: equal ids, equal numbers. */
    id: z.string(),
    igdVersion: z.string(),
    /** Version of what igd computes; reports of before there was one are of the first. */
    numerics: numericsSchema,
    seed: z.int(),
    /** Attacks in the order they run; `name` is what results call it, `crafted` where it was made on another model. */
    suite: z.array(
      z.strictObject({
        name: z.string(),
        attack: z.string(),
        group: z.string(),
        crafted: z.boolean(),
        /** Made on a variant once, and only tried on each. */
        once: z.literal(true).optional(),
        /** It saw all images that were right. */
        sees: z.literal('all').optional(),
        /** Variants that it was left out of. */
        except: z.array(z.string()).optional(),
      }),
    ),
    /** What the attacks took that were made once for the whole run. */
    crafting: z
      .array(
        z.strictObject({
          attack: z.string(),
          variant: z.string(),
          seconds: z.number(),
          forwards: z.int(),
          gradients: z.int(),
        }),
      )
      .optional(),
    threat: z.strictObject({ norm: z.string(), epsilon: z.number() }),
    temperature: z.number(),
    smoothing: z.strictObject({ samples: z.int(), sigma: z.number() }).nullable(),
    examples: z.enum(['last', 'first']),
    /** The audit that was asked for. */
    audit: z.strictObject({ suite: z.string(), halfWidth: z.number(), confidence: z.number() }).optional(),
    /** What the report covers; less than the data set's where something is missing. */
    images: z.int(),
    /** Where some are copies of others: distinct ones, and independent ones that tell as much, which intervals are of. */
    distinctImages: z.int().optional(),
    effectiveImages: z.number().optional(),
    shards: z.int(),
    /**
     * Results that are not there. A shard that misses one for any variant is left out for all, so that every number is
     * about the same images. Empty where the run is whole.
     */
    missing: z.array(missingResult),
  }),
  checkpoint: z.strictObject({
    uri: z.string(),
    sha256: z.string(),
    architecture: z.string(),
    classes: z.int(),
    notes: z.array(z.string()),
    /** How what its weights do not tell was decided; reports of the first edition have none. */
    reading: z.array(readingFactSchema).optional(),
    /** What its BatchNorms say of that. */
    testimony: testimonySchema.optional(),
  }),
  dataset: z.strictObject({
    format: z.string(),
    test: z.strictObject({ uri: z.string(), sha256: z.string(), images: z.int() }),
    probe: z.strictObject({ uri: z.string(), sha256: z.string(), images: z.int() }).nullable(),
    classNames: z.array(z.string()),
    /** Of test images that are corrupted: "clean" accuracy is that under the corruption. */
    corruption: z.strictObject({ name: z.string().optional(), severity: z.int().optional() }).optional(),
  }),
  ranking: z.strictObject({
    layer: z.string().nullable(),
    units: z.int().nullable(),
    importantUnits: z.int().nullable(),
    methods: z.array(rankingMethod),
  }),
  variants: z.array(variant),
  comparisons: z.array(comparison),
  /** What the confidence thresholds change, from two on. The key is older than parameter sweeps, which are something else. */
  sweep: z.strictObject({ thresholds: z.array(z.number()), flat: z.boolean(), message: z.string() }).nullable(),
  /** What others published for this run, where the config brings it. */
  published: published.nullable(),
  flags: z.array(flag),
});
/** What a run found; `schema` is its version. Shares are in [0, 1]. */
export type Report = z.infer<typeof reportSchema>;
