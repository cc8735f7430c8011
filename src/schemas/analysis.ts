import { z } from 'zod';
import { type AttackName, attackEntrySchema, attackSpecSchema, type Norm } from './attacks.ts';
import { numericsSchema } from './numerics.ts';
import { timelessProofSchema } from './proof.ts';
import { readingFactSchema } from './reading.ts';
import { testimonySchema } from './testimony.ts';
import { RANKING_METHODS } from './variants.ts';

/** What `igd analyze` is told, what its jobs leave behind, and what it reports. */

const count = z.int().positive();
const index = z.int().nonnegative();

/** Odd, so that the image itself is the point in the middle. */
const points = count
  .min(3)
  .max(201)
  .refine((value) => value % 2 === 1, 'must be odd: the image itself is in the middle');

const lossSurfaceSchema = z.strictObject({
  /** Indices in the test set. */
  images: z
    .array(index)
    .min(1)
    .refine((images) => new Set(images).size === images.length, 'names an image twice'),
  /** Points along each direction, from -epsilon to epsilon. */
  points: points.default(21),
});

/** The attack of an analysis that names none: the paper's, or what knows the norm. */
export const ANALYSIS_ATTACKS = {
  Linf: 'gama',
  L2: 'apgd-ce',
  L1: 'apgd-ce',
} as const satisfies Record<Norm, AttackName>;

/** The `analysis` section of a config. */
export const analysisSchema = z
  .strictObject({
    /** What moves the activations: any attack, run on the undefended model. Where left out, the norm says. */
    attack: attackEntrySchema.optional(),
    /** Whose top-k units are important. */
    ranking: z.enum(RANKING_METHODS).default('loir'),
    /** The loss around some images, for every variant of the config. */
    lossSurface: lossSurfaceSchema.optional(),
  })
  .prefault({});

/** One image that was right before the attack; its activations lie in the array beside this file. */
const shiftImageSchema = z.strictObject({ image: index, label: index, prediction: index });
export type ShiftImage = z.infer<typeof shiftImageSchema>;

/** One shard: the images that the model got right, and what it says of them after the attack. */
export const shiftResultSchema = z.strictObject({
  schema: z.literal('igd.shift/1'),
  numerics: numericsSchema,
  images: z.array(shiftImageSchema),
});

/** The loss of one variant on the plane through one image. */
export const surfaceResultSchema = z.strictObject({
  schema: z.literal('igd.surface/1'),
  numerics: numericsSchema,
  variant: z.string(),
  image: index,
  label: index,
  /** Steps along either direction, in the threat's norm: the axis of rows and of columns. */
  steps: z.array(z.number()),
  /** Cross-entropy; rows go along the sign of the gradient, columns along the random direction. */
  loss: z.array(z.array(z.number())),
  prediction: z.array(z.array(index)),
  /** The gradient at the image was exactly zero, or NaN or infinite, which is taken for zero: rows all say the same. */
  zeroGradient: z.boolean(),
});
export type SurfaceResult = z.infer<typeof surfaceResultSchema>;

/** The units whose activations are compared before and after. */
export const UNIT_GROUPS = ['trueClass', 'postAttackClass', 'otherClasses', 'unimportant'] as const;
export type UnitGroup = (typeof UNIT_GROUPS)[number];

export const ATTACK_OUTCOMES = ['successful', 'unsuccessful'] as const;
export type AttackOutcome = (typeof ATTACK_OUTCOMES)[number];

const groupShiftSchema = z.strictObject({
  /** Mean over images of (mean after - mean before) / mean before; null where there is no image to tell. */
  shift: z.number().nullable(),
  /** Of that mean; null for fewer than two images. */
  standardError: z.number().nullable(),
  /** Of the same ratios: an image whose units were almost silent before can carry the mean away, but not this. */
  median: z.number().nullable(),
  /** Images the mean is over: those that have such units, and any activation in them before the attack. */
  images: index,
  /** Units of the group, averaged over all images of the outcome. */
  units: z.number(),
});
export type GroupShift = z.infer<typeof groupShiftSchema>;

const outcomeShiftSchema = z.strictObject({
  images: index,
  /** null: after an unsuccessful attack the predicted class is the true class. */
  groups: z.record(z.enum(UNIT_GROUPS), groupShiftSchema.nullable()),
});

export const shiftTableSchema = z.record(z.enum(ATTACK_OUTCOMES), outcomeShiftSchema);
export type ShiftTable = z.infer<typeof shiftTableSchema>;

/** analysis.json */
export const analysisReportSchema = z.strictObject({
  schema: z.literal('igd.analysis/1'),
  name: z.string(),
  id: z.string(),
  checkpoint: z.strictObject({
    ...{ uri: z.string(), sha256: z.string(), architecture: z.string() },
    /** Of analyses before 0.2 the model's reading, testimony and proofs are not known. */
    reading: z.array(readingFactSchema).optional(),
    testimony: testimonySchema.optional(),
  }),
  /** That the models of the variants that were computed with compute what they say. */
  proofs: z.record(z.string(), timelessProofSchema).optional(),
  attack: attackSpecSchema,
  threat: z.strictObject({ norm: z.string(), epsilon: z.number() }),
  layer: z.string(),
  units: count,
  importantUnits: count,
  ranking: z.string(),
  /** Images attacked: those of `images` that the model gets right. */
  attacked: index,
  images: count,
  shift: shiftTableSchema,
  surfaces: z.array(surfaceResultSchema),
  /** What others published, where the config brings it: shares, with ours and its 95% interval. */
  published: z
    .strictObject({
      source: z.string(),
      notes: z.array(z.string()),
      rows: z.array(
        z.strictObject({
          outcome: z.enum(ATTACK_OUTCOMES),
          group: z.enum(UNIT_GROUPS),
          published: z.number(),
          ours: z.number().nullable(),
          interval: z.tuple([z.number(), z.number()]).nullable(),
          within: z.boolean().nullable(),
        }),
      ),
    })
    .nullable(),
});
export type AnalysisReport = z.infer<typeof analysisReportSchema>;
export type PublishedShifts = NonNullable<AnalysisReport['published']>;
