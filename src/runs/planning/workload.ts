import type { AttackCost } from '../../attacks/core/attack.ts';
import { craftedOnce, createAttack, type SuiteAttack } from '../../attacks/suites.ts';
import type { SampleOptions } from '../../evaluation/audit/sample.ts';
import { layerOf } from '../../models/classifier.ts';
import { type RankingCost, rankingCost } from '../../ranking/methods.ts';
import type { RunConfig } from '../../schemas/config.ts';
import type { StageName } from '../../schemas/service.ts';
import type { RankingMethod } from '../../schemas/variants.ts';
import type { Store } from '../../stores/store.ts';
import { classifierSpec, openClassifier } from '../inputs/open-classifier.ts';
import { isDone } from '../results.ts';
import { knownEvaluations } from '../reuse/take-evaluations.ts';
import { boundOf } from './audit.ts';
import { maskRankedBy, type Plan, stageJobs, stagesOf } from './plan.ts';

/** What a run is to do, as plain numbers. */
export interface Workload {
  /** Images of each shard. */
  readonly shards: readonly number[];
  readonly variants: readonly { readonly id: string; readonly kind: ModelKind }[];
  /** In the order they run. */
  readonly attacks: readonly AttackLoad[];
  /** Left out where the run has none. */
  readonly audit?: AuditLoad;
  readonly stages: readonly StageLoad[];
  /** Those that are not in the store. */
  readonly rankings: readonly RankingLoad[];
  /** What other runs have kept; left out where that is nothing. */
  readonly kept?: KeptLoad | undefined;
}

/** Of each shard, how many of its attacks need not be run: 0, or the first so many. */
export interface KeptLoad {
  readonly evaluate: Readonly<Record<string, readonly number[]>>;
  readonly craft: readonly number[];
}

/** How many attacks of a variant's shard other runs have done. */
export function keptAttacks({ kept }: Pick<Workload, 'kept'>, variant: string, shard: number): number {
  return kept?.evaluate[variant]?.[shard] ?? 0;
}

/** What makes one variant's evaluations dearer than another's: masks and thresholds do not, the second pass and noise may. */
export type ModelKind = 'base' | 'defended';

export interface AttackLoad {
  readonly name: string;
  /** Every group begins with all images. */
  readonly group: string;
  /** Of an image that holds out. */
  readonly cost: AttackCost;
  /** Made once for the whole run, by the stage before the evaluation, which only tries what it found. */
  readonly once: boolean;
  /** It sees all images that are right. */
  readonly seesAll: boolean;
  /** Variants that it is left out of. */
  readonly except: readonly string[];
}

export interface AuditLoad {
  /** Each on what those before it left. */
  readonly attacks: readonly AttackLoad[];
  readonly bound: Omit<SampleOptions, 'seed'>;
  /** Images of each shard, but the last. */
  readonly imagesPerShard: number;
}

export interface StageLoad {
  readonly stage: StageName;
  readonly jobs: number;
  /** Without what the stores have already. */
  readonly left: number;
}

export interface RankingLoad extends RankingCost {
  readonly method: RankingMethod;
  readonly layer: string;
  readonly images: number;
}

/** What a run of this plan in a new folder has to do. `local` is the config with paths that can be opened. */
export async function workloadOf(plan: Plan, local: RunConfig, rankings: Store): Promise<Workload> {
  const missing = await missingRankings(plan, rankings);
  const kept = await keptLoad(plan, rankings);
  return {
    shards: plan.shards.map(({ count }) => count),
    variants: plan.config.variants.map(({ id, mask }) => ({ id, kind: mask === null ? 'base' : 'defended' })),
    attacks: attackLoads(plan, plan.suite),
    ...(plan.audit && { audit: auditLoad(plan, plan.audit.suite) }),
    stages: stagesOf(plan).map((stage) => {
      const jobs = stageJobs(plan, stage).length;
      const left = stage === 'rank' ? missing.length : jobs - wholeIn(plan, kept, stage);
      return { stage, jobs, left };
    }),
    rankings: missing.length === 0 ? [] : await rankingLoads(missing, plan, local),
    kept,
  };
}

async function keptLoad(plan: Plan, store: Store): Promise<KeptLoad | undefined> {
  const known = await knownEvaluations(plan, [...stageJobs(plan, 'craft'), ...stageJobs(plan, 'evaluate')], store);
  if (known.length === 0) return undefined;
  const attacksIn = (kind: 'craft' | 'evaluate', variant?: string) =>
    plan.shards.map((_, shard) => {
      const of = known.filter(({ job }) => job.kind === kind && job.shard === shard);
      return of.find(({ job }) => variant === undefined || job.variant === variant)?.attacks ?? 0;
    });
  const evaluate = plan.config.variants.map(({ id }) => [id, attacksIn('evaluate', id)] as const);
  return { evaluate: Object.fromEntries(evaluate), craft: attacksIn('craft') };
}

/** Jobs of a stage that are kept with all their attacks. */
function wholeIn(plan: Plan, kept: KeptLoad | undefined, stage: StageName): number {
  const once = plan.suite.filter((spec) => craftedOnce(spec) !== undefined).length;
  if (stage === 'craft') return kept?.craft.filter((attacks) => attacks >= once).length ?? 0;
  if (stage !== 'evaluate') return 0;
  const shards = Object.values(kept?.evaluate ?? {}).flat();
  return shards.filter((attacks) => attacks === plan.suite.length).length;
}

function attackLoads({ inputs }: Plan, suite: readonly SuiteAttack[]): AttackLoad[] {
  return suite.map((spec) => ({
    name: spec.name,
    group: spec.group,
    cost: createAttack(spec).cost(inputs.checkpoint.classes),
    once: craftedOnce(spec) !== undefined,
    seesAll: spec.sees === 'all',
    except: spec.except ?? [],
  }));
}

function auditLoad(plan: Plan, suite: readonly SuiteAttack[]): AuditLoad {
  const { seed: _seed, ...bound } = boundOf(plan.config, plan.inputs.test.images);
  return { attacks: attackLoads(plan, suite), bound, imagesPerShard: plan.config.compute.imagesPerShard };
}

/** A ranking that the config brings along is put in the store by the run itself. */
async function missingRankings(plan: Plan, rankings: Store): Promise<RankingMethod[]> {
  const missing: RankingMethod[] = [];
  for (const { method, imported } of plan.rankings) {
    const isThere = imported || (await isDone({ plan, runs: rankings, rankings }, { kind: 'rank', method }));
    if (!isThere) missing.push(method);
  }
  return missing;
}

async function rankingLoads(methods: readonly RankingMethod[], plan: Plan, local: RunConfig): Promise<RankingLoad[]> {
  const { imageShape, probe } = plan.inputs;
  const classifier = await openClassifier(classifierSpec(local, imageShape));
  return methods.map((method) => ({
    method,
    images: probe?.images ?? 0,
    layer: maskRankedBy(plan, method).layer,
    ...rankingCost(method, classifier, layerOf(classifier, maskRankedBy(plan, method).layer)),
  }));
}
