import { z } from 'zod';
import type { Scores } from '../defense/mask-set.ts';
import { RankingError } from '../errors.ts';
import { fromBase64, sha256Hex, toBase64 } from '../numeric/bytes.ts';
import { BINARY_OUTPUTS, INPUT_RANGES } from '../schemas/config.ts';
import { suggestedIssues } from '../schemas/issues.ts';
import { parseJson } from '../schemas/json.ts';
import { modelOptionsSchema } from '../schemas/model-options.ts';
import { numericsIn, numericsSchema } from '../schemas/numerics.ts';
import { similaritySpecSchema } from '../schemas/similarities.ts';
import { RANKING_METHODS, type RankingInput, type RankingMethod, rankingUses } from '../schemas/variants.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** What a ranking depends on: equal recipes give equal scores, so their digest is the ranking's address. */
const recipeSchema = z.strictObject({
  method: z.enum(RANKING_METHODS),
  layer: z.string(),
  /** Axis of the units in the layer's value, where it is another than 1 of [N, D, H, W] and 2 of [N, T, D]. */
  layerAxis: z.int().positive().optional(),
  checkpoint: sha256,
  /** Which of the checkpoint's state dicts, where it holds several. */
  stateDict: z.string().nullable(),
  /** How the checkpoint's input is prepared, which changes the function being ranked. */
  input: z.strictObject({
    normalize: z.strictObject({ mean: z.array(z.number()), std: z.array(z.number()) }).nullable(),
    layout: z.enum(['NCHW', 'NHWC']),
    model: modelOptionsSchema.optional(),
    zoo: z.string().optional(),
    inputRange: z.enum(INPUT_RANGES).optional(),
    output: z.string().optional(),
    binary: z.enum(BINARY_OUTPUTS).optional(),
  }),
  /** Probe set, for methods that look at images; `labels` that have a file of their own, for those that look at them too. */
  probe: z.strictObject({ sha256, images: z.int().positive(), labels: sha256.optional() }).nullable(),
  signed: z.boolean(),
  /** For methods that draw. */
  seed: z.int().nullable(),
  /** For CD-IR: digests of CLIP (one file, or image and text encoder) and tokenizer, and what units are compared with. */
  clip: z
    .strictObject({
      files: z.array(sha256).min(1).max(2),
      tokenizer: sha256,
      concepts: z.array(z.string()),
      similarity: similaritySpecSchema,
    })
    .optional(),
  /** Where another igd than the first would rank otherwise. */
  numerics: numericsSchema,
});
export type RankingRecipe = z.infer<typeof recipeSchema>;

export interface Ranking {
  readonly recipe: RankingRecipe;
  readonly scores: Scores;
}

const SCHEMA = 'igd.ranking/1';

const fileSchema = z.strictObject({
  schema: z.literal(SCHEMA),
  ...recipeSchema.shape,
  units: z.int().positive(),
  classes: z.int().positive(),
  /** [units, classes] row-major, little-endian float32 in base64. */
  scores: z.base64(),
});

/** Of what a recipe may hold, what goes with the method. */
export function recipeFor(
  method: RankingMethod,
  { probe, signed, seed, clip, ...model }: Omit<RankingRecipe, 'method' | 'numerics'>,
): RankingRecipe {
  const uses = (input: RankingInput) => rankingUses(method, input);
  return {
    method,
    ...model,
    probe: uses('probe') && probe !== null ? { ...probe, labels: uses('labels') ? probe.labels : undefined } : null,
    signed: uses('signed') && signed,
    seed: uses('seed') ? seed : null,
    ...(uses('clip') && clip !== undefined ? { clip } : {}),
    ...numericsIn(),
  };
}

/** Content address of the ranking this recipe gives. */
export function rankingDigest(recipe: RankingRecipe): string {
  return sha256Hex(JSON.stringify([SCHEMA, recipeSchema.parse(recipe)]));
}

export function encodeRanking({ recipe, scores: { units, classes, data } }: Ranking): string {
  const scores = toBase64(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return `${JSON.stringify({ schema: SCHEMA, ...recipe, units, classes, scores }, null, 1)}\n`;
}

/** Throws RankingError where the text is no ranking file of this version. */
export function decodeRanking(text: string, where: string): Ranking {
  const parsed = fileSchema.safeParse(
    parseJson(text, (reason, options) => new RankingError(`${where} is not a ranking file: ${reason}`, options)),
  );
  if (!parsed.success) throw new RankingError(`${where} is not a ranking file: ${suggestedIssues(parsed.error)[0]}`);
  const { schema: _, units, classes, scores, ...recipe } = parsed.data;
  const bytes = fromBase64(scores);
  if (bytes.length !== 4 * units * classes) {
    throw new RankingError(`${where}: ${bytes.length} bytes of scores for ${units} units and ${classes} classes`);
  }
  return { recipe, scores: { units, classes, data: new Float32Array(bytes.buffer) } };
}
