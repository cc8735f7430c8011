import { createHash } from 'node:crypto';
import { z } from 'zod';
import { resolveSuite } from '../../attacks/suites.ts';
import type { RunConfig } from '../../schemas/config.ts';
import { RunError } from '../../errors.ts';
import { parseConfig } from '../../schemas/parse-config.ts';
import { RANKING_METHODS, type RankingMethod, rankingOf } from '../../schemas/variants.ts';
import { type RankingRecipe, rankingDigest } from '../../ranking/ranking.ts';
import { inputsSchema, type RunInputs } from '../../inputs/inspect-inputs.ts';
import { parseRecord } from '../../schemas/parse-record.ts';
import type { StageName } from '../../schemas/service.ts';

const PLAN_SCHEMA = 'igd.plan/1';

const shardSchema = z.strictObject({ first: z.int().nonnegative(), count: z.int().positive() });
export type Shard = z.infer<typeof shardSchema>;

const rankingSchema = z.strictObject({ method: z.enum(RANKING_METHODS), digest: z.string(), imported: z.boolean() });

const planFileSchema = z.strictObject({
  schema: z.literal(PLAN_SCHEMA),
  /** Digest of everything the numbers depend on: a run of another config or other inputs has another id. */
  id: z.string(),
  /** The config as the user wrote it. */
  config: z.json(),
  inputs: inputsSchema,
  rankings: z.array(rankingSchema),
  /** The same cut for every variant, so that variants can be compared shard by shard. */
  shards: z.array(shardSchema).min(1),
});

export interface Plan extends Omit<z.infer<typeof planFileSchema>, 'config'> {
  readonly config: RunConfig;
  readonly source: z.infer<typeof planFileSchema>['config'];
}

/** A piece of a run. */
export type RunJob =
  | { readonly kind: 'rank'; readonly method: RankingMethod }
  | { readonly kind: 'evaluate'; readonly variant: string; readonly shard: number }
  | { readonly kind: 'transfer'; readonly variant: string; readonly shard: number };

/** One piece of work that stands alone: what a worker thread or a Batch job is given. */
/** Pieces of an analysis that stand alone. */
export type AnalysisJob =
  /** Attacks a shard's images and keeps the activations before and after. */
  | { readonly kind: 'shift'; readonly shard: number }
  /** The loss of one variant around one image. */
  | { readonly kind: 'surface'; readonly variant: string; readonly image: number };

export type Job = RunJob | AnalysisJob;

/** Plans a run. `imported` is the digest of a ranking the config brings along. Pure: equal arguments give equal plans. */
export function planRun(config: RunConfig, source: Plan['source'], inputs: RunInputs, imported?: string): Plan {
  const methods = new Set(config.variants.map(rankingOf).filter((method) => method !== undefined));
  const rankings = [...methods].map((method) => {
    const given = method === 'loir' ? imported : undefined;
    return { method, digest: given ?? rankingDigest(recipeOf(method, config, inputs)), imported: given !== undefined };
  });
  const shards = cut(inputs.test.images, config.compute.imagesPerShard);
  return {
    schema: PLAN_SCHEMA,
    id: identity(config, inputs, rankings, shards),
    config,
    source,
    inputs,
    rankings,
    shards,
  };
}

/** What the ranking of this run is computed from. */
export function recipeOf(method: RankingMethod, config: RunConfig, inputs: RunInputs): RankingRecipe {
  const { checkpoint, probe } = inputs;
  const byChance = method === 'random';
  const clip = method === 'cdir' ? clipRecipe(config, inputs) : undefined;
  return {
    method,
    layer: checkpoint.layer?.name ?? '',
    checkpoint: checkpoint.sha256,
    stateDict: config.checkpoint.stateDict ?? null,
    input: { normalize: config.checkpoint.normalize ?? null, layout: config.checkpoint.layout },
    probe: byChance ? null : probe,
    signed: method === 'loir' && config.ranking.signed,
    seed: byChance ? config.seed : null,
    ...(clip && { clip }),
  };
}

function clipRecipe({ ranking }: RunConfig, { clip }: RunInputs): RankingRecipe['clip'] {
  if (clip === undefined || ranking.clip === undefined) throw new RunError('cdir is to be ranked without a CLIP');
  const { files, tokenizer, concepts } = clip;
  return { files, tokenizer, concepts, similarity: ranking.clip.similarity };
}

export function encodePlan({ config: _, source, ...plan }: Plan): string {
  return `${JSON.stringify({ ...plan, config: source }, null, 1)}\n`;
}

/** Throws RunError where the bytes are no plan of this version. */
export function decodePlan(bytes: Uint8Array, where: string): Plan {
  const { config, ...plan } = parseRecord(planFileSchema, bytes, where);
  return { ...plan, source: config, config: parseConfig(JSON.stringify(config), where) };
}

export function evaluateJobs(plan: Plan): RunJob[] {
  return eachShard(plan, 'evaluate');
}

export function transferJobs(plan: Plan): RunJob[] {
  return eachShard(plan, 'transfer');
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
 * Device and batch size are left out: they change how long a run takes, not what it finds. Paths too: content counts. What
 * only `igd analyze` reads and what others published as well.
 */
function identity(config: RunConfig, inputs: RunInputs, rankings: Plan['rankings'], shards: readonly Shard[]): string {
  const { checkpoint, dataset, compute: _compute, name: _name, suite: _suite, protocol: _protocol, ...others } = config;
  const { analysis: _analysis, published: _published, ...rest } = others;
  // What CLIP and its names do to the numbers is in the digest of the ranking.
  const { clip: _clip, classNames: _classNames, ...ranking } = config.ranking;
  const { uri: _uri, sha256: _sha256, ...preparation } = checkpoint;
  const { notes: _notes, architecture: _architecture, ...model } = inputs.checkpoint;
  const identityOf = {
    ...rest,
    ranking,
    preparation,
    format: dataset.format,
    suite: resolveSuite(config),
    inputs: { model, test: inputs.test, probe: inputs.probe },
    rankings,
    shards: shards.length,
  };
  return createHash('sha256').update(JSON.stringify(identityOf)).digest('hex').slice(0, 16);
}

const JOBS_OF: Readonly<Record<StageName, (plan: Plan) => RunJob[]>> = {
  rank: (plan) => plan.rankings.map(({ method }) => ({ kind: 'rank', method })),
  evaluate: evaluateJobs,
  transfer: transferJobs,
};

/** The jobs of a stage. Each stage reads what the one before it left in the stores; its jobs are independent of each other. */
export function stageJobs(plan: Plan, stage: StageName): RunJob[] {
  return JOBS_OF[stage](plan);
}

/** A job in a reader's words, e.g. "conf@0.8 shard 3". */
export function jobLabel(job: Job): string {
  switch (job.kind) {
    case 'rank':
      return `${job.method} ranking`;
    case 'shift':
      return `shift shard ${job.shard}`;
    case 'surface':
      return `${job.variant} surface of image ${job.image}`;
    default:
      return `${job.variant} shard ${job.shard}`;
  }
}
