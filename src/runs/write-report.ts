import { craftedOnce, type SuiteAttack } from '../attacks/suites.ts';
import { RunError } from '../errors.ts';
import { igdVersion } from '../package-root.ts';
import { diagnose } from '../ranking/diagnostics.ts';
import { encodeRanking } from '../ranking/ranking.ts';
import { aggregate } from '../report/aggregate.ts';
import type { RunFacts } from '../report/summary/outcomes.ts';
import { corruptionOf } from '../schemas/corruption.ts';
import { runKeys } from '../schemas/keys.ts';
import { requireSameNumerics } from '../schemas/numerics.ts';
import type { MissingResult, Report } from '../schemas/report.ts';
import type { ShardResult, TransferResult } from '../schemas/results.ts';
import type { Store } from '../stores/store.ts';
import { proofsOf, testimonyOf } from './model-records.ts';
import { perturbationsOf } from './perturbations.ts';
import { suiteName } from './planning/audit.ts';
import { maskRankedBy, type Plan } from './planning/plan.ts';
import { publishedFacts } from './planning/published.ts';
import { loadRanking } from './planning/rankings.ts';
import { auditResult, craftedResult, readAll, shardOf, shardResult, transferResult } from './results.ts';
import { requireSharedRankings } from './sharing/shared-rankings.ts';

export interface ReportOptions {
  /**
   * Report on what there is: the shards that every variant has been evaluated on, under the others' examples too, so
   * that variants are compared on the same images. Whatever is left out is named in `run.missing`.
   */
  readonly allowPartial?: boolean;
  /** What an hour of one worker costs, in dollars: the page then says what the run did. */
  readonly pricePerHour?: number | undefined;
}

/** The report of a finished run. Throws RunError where results are missing. */
export async function buildReport(plan: Plan, runs: Store, rankings: Store): Promise<Report> {
  const coverage = wholeRun(plan);
  const { shards, transfers, audits } = await resultsOf(plan, runs, coverage);
  return aggregate(await factsOf(plan, runs, rankings, coverage), shards, transfers, audits);
}

/**
 * Builds the report and writes its files beside the results, `report.json` last: it is what says "finished". Throws
 * RunError where results are missing, or, with `allowPartial`, where no shard is complete.
 */
export async function writeReport(
  plan: Plan,
  runs: Store,
  rankings: Store,
  { allowPartial = false, pricePerHour }: ReportOptions = {},
): Promise<Report> {
  await requireSharedRankings(plan, runs, rankings);
  const coverage = allowPartial ? await completeShards(plan, runs) : wholeRun(plan);
  const { shards, transfers, audits } = await resultsOf(plan, runs, coverage);
  const report = aggregate(await factsOf(plan, runs, rankings, coverage), shards, transfers, audits);
  for (const { method } of plan.rankings) {
    await runs.put(runKeys.ranking(method), encodeRanking(await loadRanking({ plan, rankings, runs }, method)));
  }
  const perturbations = await perturbationsOf(plan, runs, coverage.shards, shards);
  // What draws is loaded by those who draw: here, not at the start of every command.
  const { reportFiles } = await import('../report/report-files.ts');
  const files = [...reportFiles(report, shards, { pricePerHour, perturbations })].sort(
    ([a], [b]) => Number(a === 'report.json') - Number(b === 'report.json'),
  );
  for (const [name, content] of files) await runs.put(runKeys.report(name), content);
  return report;
}

/** What a report is about. */
interface Coverage {
  /** Shards of the plan, rising. */
  readonly shards: readonly number[];
  readonly missing: MissingResult[];
  /** Variants whose audit is reported: a sample is of all that a variant left, so the run has to be whole. */
  readonly audited: readonly string[];
}

function wholeRun({ config, shards, audit }: Plan): Coverage {
  return {
    shards: [...shards.keys()],
    missing: [],
    audited: audit === undefined ? [] : config.variants.map(({ id }) => id),
  };
}

/** Throws RunError where there is no shard to report on. */
async function completeShards(plan: Plan, runs: Store): Promise<Coverage> {
  const { config, shards } = plan;
  const keys = new Set(await runs.list(''));
  const isThere = ({ variant, shard }: MissingResult) =>
    keys.has(runKeys.evaluation(variant, shard)) && keys.has(runKeys.transfer(variant, shard));
  const pairs = config.variants.flatMap(({ id }) => [...shards.keys()].map((shard) => ({ variant: id, shard })));
  const missing = pairs.filter((pair) => !isThere(pair));
  const incomplete = new Set(missing.map(({ shard }) => shard));
  const complete = [...shards.keys()].filter((shard) => !incomplete.has(shard));
  const isAudited = (id: string) => auditShards(plan).every((shard) => keys.has(runKeys.audit(id, shard)));
  const audited = missing.length > 0 ? [] : wholeRun(plan).audited.filter(isAudited);
  if (complete.length > 0) return { shards: complete, missing, audited };
  throw new RunError(
    `there is nothing to report on: none of the ${shards.length} shards is done for every variant ` +
      `(${missing.length} of ${pairs.length} results are missing)`,
  );
}

function auditShards({ audit }: Plan): number[] {
  return Array.from({ length: audit?.shards ?? 0 }, (_, shard) => shard);
}

async function resultsOf(
  plan: Plan,
  runs: Store,
  { shards, audited }: Coverage,
): Promise<{ shards: ShardResult[]; transfers: TransferResult[]; audits: ShardResult[] }> {
  const pairs = plan.config.variants.flatMap(({ id }) => shards.map((shard) => [id, shard] as const));
  const ofPlan = <T extends { readonly numerics?: number | undefined }>(
    result: T,
    kind: string,
    variant: string,
    shard: number,
  ) => {
    requireSameNumerics(plan, result, `the ${kind} of ${variant}, shard ${shard},`);
    return result;
  };
  const audits = audited.flatMap((id) => auditShards(plan).map((shard) => [id, shard] as const));
  return {
    shards: await readAll(pairs, async ([variant, shard]) =>
      ofPlan(await shardResult(runs, variant, shard), 'evaluation', variant, shard),
    ),
    transfers: await readAll(pairs, async ([variant, shard]) =>
      ofPlan(await transferResult(runs, variant, shard), 'transfer', variant, shard),
    ),
    audits: await readAll(audits, async ([variant, shard]) =>
      ofPlan(await auditResult(runs, variant, shard), 'audit', variant, shard),
    ),
  };
}

function suiteFacts(spec: SuiteAttack): RunFacts['run']['suite'][number] {
  const { name, attack, group, on, sees, except } = spec;
  return {
    name,
    attack,
    group,
    crafted: on !== undefined,
    ...(craftedOnce(spec) !== undefined && { once: true as const }),
    ...(sees && { sees }),
    ...(except && { except }),
  };
}

/** What making examples once has taken, over all shards. */
async function craftingFacts(
  plan: Plan,
  runs: Store,
  { shards }: Coverage,
): Promise<Pick<RunFacts['run'], 'crafting'>> {
  const specs = plan.suite.flatMap((spec) => {
    const variant = craftedOnce(spec);
    return variant === undefined ? [] : [{ attack: spec.name, variant }];
  });
  if (specs.length === 0) return {};
  const sources = [...new Set(specs.map(({ variant }) => variant))];
  const pairs = sources.flatMap((variant) => shards.map((shard) => [variant, shard] as const));
  const results = await readAll(pairs, async ([variant, shard]) => {
    const result = await craftedResult(runs, variant, shard);
    requireSameNumerics(plan, result, `what was crafted on ${variant}, shard ${shard},`);
    return result;
  });
  const crafting = specs.map(({ attack, variant }) => {
    const own = results.filter((result) => result.variant === variant);
    const usages = own.flatMap(({ attacks }) => attacks.filter((usage) => usage.attack === attack));
    const total = (key: 'seconds' | 'forwards' | 'gradients') => usages.reduce((sum, usage) => sum + usage[key], 0);
    return {
      attack,
      variant,
      seconds: total('seconds'),
      forwards: total('forwards'),
      gradients: total('gradients'),
    };
  });
  return { crafting };
}

/** The images of these shards, rising. */
function imagesIn(plan: Plan, { shards }: Coverage): number[] {
  return shards.flatMap((shard) => {
    const { first, count } = shardOf(plan, shard);
    return Array.from({ length: count }, (_, i) => first + i);
  });
}

/** Everything a report says that is known before any image is attacked. */
async function factsOf(plan: Plan, runs: Store, rankings: Store, coverage: Coverage): Promise<RunFacts> {
  const { config, inputs, id } = plan;
  const images = imagesIn(plan, coverage);
  const testimony = await testimonyOf(runs);
  const corruption = corruptionOf(config.dataset);
  return {
    run: {
      name: config.name,
      id,
      igdVersion: igdVersion(),
      numerics: plan.numerics ?? 1,
      seed: config.seed,
      suite: plan.suite.map(suiteFacts),
      ...(await craftingFacts(plan, runs, coverage)),
      threat: config.threat,
      temperature: config.temperature,
      smoothing: config.smoothing,
      examples: config.examples,
      ...(config.audit && { audit: { ...config.audit, suite: suiteName(config.audit.suite) } }),
      images: images.length,
      shards: coverage.shards.length,
      missing: coverage.missing,
    },
    checkpoint: {
      uri: config.checkpoint.uri,
      sha256: inputs.checkpoint.sha256,
      architecture: inputs.checkpoint.architecture,
      classes: inputs.checkpoint.classes,
      notes: inputs.checkpoint.notes,
      ...(inputs.checkpoint.reading && { reading: inputs.checkpoint.reading }),
      ...(testimony && { testimony }),
    },
    dataset: {
      format: config.dataset.format,
      test: { uri: config.dataset.test, ...inputs.test },
      probe:
        inputs.probe === null || config.dataset.probe === undefined
          ? null
          : { uri: config.dataset.probe, ...inputs.probe },
      classNames: inputs.classNames,
      ...(corruption && { corruption }),
    },
    ranking: {
      layer: inputs.checkpoint.layer?.name ?? null,
      units: inputs.checkpoint.layer?.units ?? null,
      importantUnits: config.importantUnits ?? null,
      methods: await Promise.all(plan.rankings.map((entry) => rankingFacts({ plan, rankings, runs }, entry))),
    },
    variants: config.variants,
    images,
    ...publishedFacts(plan, images.length),
    averagesNoise: plan.suite.some((spec) => 'eot' in spec && spec.eot > 1),
    proofs: await proofsOf(plan, runs),
    copies: inputs.copies,
    notes: inputs.notes,
  };
}

async function rankingFacts(
  places: { readonly plan: Plan; readonly rankings: Store; readonly runs: Store },
  { method, digest, imported }: Plan['rankings'][number],
): Promise<Report['ranking']['methods'][number]> {
  const { recipe, scores } = await loadRanking(places, method);
  const { overlap, meanOverlap, deadUnits, flags } = diagnose(scores, maskRankedBy(places.plan, method).importantUnits);
  return {
    method,
    digest: imported ? null : digest,
    signed: recipe.signed,
    probeImages: recipe.probe?.images ?? 0,
    meanOverlap,
    overlap,
    deadUnits,
    flags: [...flags],
  };
}
