import { createHash } from 'node:crypto';
import { z } from 'zod';
import { craftedOnce, resolveSuite, type SuiteAttack, suiteAttackSchema } from '../../attacks/suites.ts';
import { RunError } from '../../errors.ts';
import { type RankingRecipe, rankingDigest, recipeFor } from '../../ranking/ranking.ts';
import type { ClipConfig, RunConfig } from '../../schemas/config.ts';
import { NUMERICS, numericsIn, numericsSchema } from '../../schemas/numerics.ts';
import { parseConfig } from '../../schemas/parse-config.ts';
import { parseRecord, type Remedy } from '../../schemas/parse-record.ts';
import { STAGE_NAMES, type StageName } from '../../schemas/service.ts';
import {
  entryOf,
  RANKING_METHODS,
  type RankedMask,
  type RankingMethod,
  rankedMask,
  rankingUses,
} from '../../schemas/variants.ts';
import type { ClipInputs } from '../inputs/clip-inputs.ts';
import { inputsSchema, type RunInputs } from '../inputs/inspect-inputs.ts';
import { planAudit, plannedAuditSchema } from './audit.ts';
import { checkPublished } from './published.ts';

const PLAN_SCHEMA = 'igd.plan/2';
/** Plans of the first edition, which say nothing of the suite. */
const FIRST_PLAN_SCHEMA = 'igd.plan/1';

const shardSchema = z.strictObject({ first: z.int().nonnegative(), count: z.int().positive() });
export type Shard = z.infer<typeof shardSchema>;

const rankingSchema = z.strictObject({ method: z.enum(RANKING_METHODS), digest: z.string(), imported: z.boolean() });

const planFileSchema = z.strictObject({
  schema: z.enum([PLAN_SCHEMA, FIRST_PLAN_SCHEMA]),
  /** Digest of everything the numbers depend on: a run of another config or other inputs has another id. */
  id: z.string(),
  numerics: numericsSchema,
  /** The config as the user wrote it. */
  config: z.json(),
  /** The config's suite with every option spelled out, in the order the attacks run. */
  suite: z.array(suiteAttackSchema).min(1).optional(),
  inputs: inputsSchema,
  /**
   * S3 versions of the inputs, by URI, where their buckets keep versions: what jobs download. Not in the id, which goes by content.
   */
  versions: z.record(z.string(), z.string()).optional(),
  rankings: z.array(rankingSchema),
  /** The same cut for every variant, so that variants can be compared shard by shard. */
  shards: z.array(shardSchema).min(1),
  /** Where the config asks for one. */
  audit: plannedAuditSchema.optional(),
});

export interface Plan extends Omit<z.infer<typeof planFileSchema>, 'config' | 'suite'> {
  readonly config: RunConfig;
  readonly suite: readonly SuiteAttack[];
  readonly source: z.infer<typeof planFileSchema>['config'];
}

/** A piece of a run. */
export type RunJob =
  | { readonly kind: 'rank'; readonly method: RankingMethod }
  /** Makes examples on a variant that are tried on all of them. */
  | { readonly kind: 'craft'; readonly variant: string; readonly shard: number }
  | { readonly kind: 'evaluate'; readonly variant: string; readonly shard: number }
  | { readonly kind: 'transfer'; readonly variant: string; readonly shard: number }
  /** A part of the variant's sample under the audit's suite. */
  | { readonly kind: 'audit'; readonly variant: string; readonly shard: number };

/** Pieces of an analysis that stand alone. */
export type AnalysisJob =
  /** Attacks a shard's images and keeps the activations before and after. */
  | { readonly kind: 'shift'; readonly shard: number }
  /** The loss of one variant around one image. */
  | { readonly kind: 'surface'; readonly variant: string; readonly image: number };

/** One piece of work that stands alone: what a worker thread or a Batch job is given. */
export type Job = RunJob | AnalysisJob;

/** Plans a run. `imported` is the digest of a ranking the config brings along. Pure: equal arguments give equal plans. */
export function planRun(config: RunConfig, source: Plan['source'], inputs: RunInputs, imported?: string): Plan {
  const methods = new Set(config.variants.flatMap((variant) => rankedMask(variant)?.ranking ?? []));
  const rankings = [...methods].map((method) => {
    const given = method === 'loir' ? imported : undefined;
    return { method, digest: given ?? rankingDigest(recipeOf(method, config, inputs)), imported: given !== undefined };
  });
  const shards = cut(inputs.test.images, config.compute.imagesPerShard);
  const suite = resolveSuite(config);
  checkPublished(config.published, suite);
  const audit = planAudit(config, suite, inputs.test.images);
  return {
    schema: PLAN_SCHEMA,
    id: identity({ config, inputs, suite, rankings, shards, audit }),
    numerics: NUMERICS,
    config,
    suite,
    source,
    inputs,
    rankings,
    shards,
    ...(audit && { audit }),
  };
}

/** What the ranking of this run is computed from. */
export function recipeOf(method: RankingMethod, config: RunConfig, inputs: RunInputs): RankingRecipe {
  const { sha256, layer } = inputs.checkpoint;
  const { stateDict = null, normalize = null, layout, inputRange, output, binary, zoo } = config.checkpoint;
  if (layer === null) throw new RunError(`units are to be ranked by ${method}, but of no layer`);
  return recipeFor(method, {
    layer: layer.name,
    layerAxis: layer.axis,
    checkpoint: sha256,
    stateDict,
    input: { normalize, layout, inputRange, output, binary, model: config.model, zoo },
    probe: inputs.probe && { ...inputs.probe, labels: inputs.labels?.probe },
    signed: config.ranking.signed,
    seed: config.seed,
    ...(rankingUses(method, 'clip') && { clip: clipRecipe(config.ranking.clip, inputs.clip) }),
  });
}

/** What CLIP contributes to a ranking's recipe. Throws RunError where there is none. */
export function clipRecipe(config: ClipConfig | undefined, inputs: ClipInputs | undefined): RankingRecipe['clip'] {
  if (config === undefined || inputs === undefined) throw new RunError('cdir is to be ranked without a CLIP');
  const { files, tokenizer, concepts } = inputs;
  return { files, tokenizer, concepts, similarity: config.similarity };
}

export function encodePlan({ config: _, source, ...plan }: Plan): string {
  return `${JSON.stringify({ ...plan, schema: PLAN_SCHEMA, config: source }, null, 1)}\n`;
}

/** Throws RunError where the bytes are no plan of this version; `remedy` says what to do then. */
export function decodePlan(bytes: Uint8Array, where: string, remedy?: Remedy): Plan {
  const { config: source, suite, ...plan } = parseRecord(planFileSchema, bytes, where, remedy);
  const config = parseConfig(JSON.stringify(source), where);
  return { ...plan, source, config, suite: suite ?? resolveSuite(config) };
}

/** The ranking by `method` as the plan has it. Throws RunError where the plan has none. */
export function plannedRanking({ rankings }: Pick<Plan, 'rankings'>, method: RankingMethod): Plan['rankings'][number] {
  const ranking = rankings.find((entry) => entry.method === method);
  if (ranking === undefined) throw new RunError(`the plan has no ranking by ${method}`);
  return ranking;
}

/** The mask of the variants that are ranked by `method`: all of them keep as many units of the same layer. Throws RunError. */
export function maskRankedBy({ config }: Pick<Plan, 'config'>, method: RankingMethod): RankedMask {
  const masks = [...config.variants.flatMap((variant) => rankedMask(variant) ?? []), config.analysis.mask];
  const mask = masks.find((candidate) => candidate?.ranking === method);
  if (mask == null) throw new RunError(`the plan masks by no ranking of ${method}`);
  return mask;
}

function evaluateJobs(plan: Plan): RunJob[] {
  return eachShard(plan, 'evaluate');
}

function transferJobs(plan: Plan): RunJob[] {
  return eachShard(plan, 'transfer');
}

function craftJobs({ suite, shards }: Plan): RunJob[] {
  const sources = new Set(suite.flatMap((spec) => craftedOnce(spec) ?? []));
  return [...sources].flatMap((variant) => shards.map((_, shard): RunJob => ({ kind: 'craft', variant, shard })));
}

function auditJobs({ config, audit }: Plan): RunJob[] {
  const shards = Array.from({ length: audit?.shards ?? 0 }, (_, shard) => shard);
  return config.variants.flatMap(({ id }) => shards.map((shard): RunJob => ({ kind: 'audit', variant: id, shard })));
}

function eachShard({ config, shards }: Plan, kind: 'evaluate' | 'transfer'): RunJob[] {
  return config.variants.flatMap(({ id }) => shards.map((_, shard): RunJob => ({ kind, variant: id, shard })));
}

function cut(images: number, perShard: number): Shard[] {
  return Array.from({ length: Math.ceil(images / perShard) }, (_, index) => {
    const first = index * perShard;
    return { first, count: Math.min(perShard, images - first) };
  });
}

/**
 * All that the numbers of a run depend on, by name. Device and batch size are not among it: they change how long a run takes,
 * not what it finds. Nor are paths (content counts), what only `igd analyze` reads, and what others published. The order is
 * the first edition's, so that its runs keep their ids.
 */
function identity({ config, inputs, suite, rankings, shards, audit }: Omit<Plan, 'id' | 'schema' | 'source'>): string {
  const { checkpoint, ranking } = config;
  const { stateDict, normalize, layout, inputRange, output, binary, zoo } = checkpoint;
  const { sha256, classes, layer } = inputs.checkpoint;
  const counts = {
    layer: config.layer,
    importantUnits: config.importantUnits,
    variants: config.variants.map(entryOf),
    // What CLIP and its names do to the numbers is in the digest of the ranking.
    ranking: { signed: ranking.signed, allowDegenerate: ranking.allowDegenerate, file: ranking.file },
    temperature: config.temperature,
    smoothing: config.smoothing,
    threat: config.threat,
    examples: config.examples,
    seed: config.seed,
    preparation: { stateDict, normalize, layout, inputRange, output, binary, model: config.model, zoo },
    format: config.dataset.format,
    suite,
    // Labels in files of their own decide as much as images do.
    inputs: { model: { sha256, classes, layer }, test: inputs.test, probe: inputs.probe, labels: inputs.labels },
    rankings,
    shards: shards.length,
    ...(audit && { audit: { ...config.audit, ...audit } }),
    ...numericsIn(),
  };
  return createHash('sha256').update(JSON.stringify(counts)).digest('hex').slice(0, 16);
}

const JOBS_OF: Readonly<Record<StageName, (plan: Plan) => RunJob[]>> = {
  rank: (plan) => plan.rankings.map(({ method }) => ({ kind: 'rank', method })),
  craft: craftJobs,
  evaluate: evaluateJobs,
  transfer: transferJobs,
  audit: auditJobs,
};

/** The jobs of a stage. Each stage reads what the one before it left in the stores; its jobs are independent of each other. */
export function stageJobs(plan: Plan, stage: StageName): RunJob[] {
  return JOBS_OF[stage](plan);
}

/** Stages that not every run has: whose suite asks for nothing to be crafted, or whose config for no audit, has none. */
const OPTIONAL: ReadonlySet<StageName> = new Set(['craft', 'audit']);

/** The stages of a plan, in order. */
export function stagesOf(plan: Plan): StageName[] {
  return STAGE_NAMES.filter((stage) => !OPTIONAL.has(stage) || stageJobs(plan, stage).length > 0);
}

/** A job in a reader's words, e.g. "conf@0.8 shard 3". */
export function jobLabel(job: Job): string {
  switch (job.kind) {
    case 'rank':
      return `${job.method} ranking`;
    case 'craft':
      return `${job.variant} examples of shard ${job.shard}`;
    case 'shift':
      return `shift shard ${job.shard}`;
    case 'surface':
      return `${job.variant} surface of image ${job.image}`;
    case 'audit':
      return `${job.variant} audit shard ${job.shard}`;
    default:
      return `${job.variant} shard ${job.shard}`;
  }
}
