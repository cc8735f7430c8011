import { readFileSync } from 'node:fs';
import { suiteOf } from '../attacks/suites.ts';
import { RunError } from '../contracts/errors.ts';
import { runKeys } from '../contracts/keys.ts';
import type { Report } from '../contracts/report.ts';
import { type ShardResult, type TransferResult, transferResultSchema } from '../contracts/results.ts';
import { PACKAGE_ROOT } from '../package-root.ts';
import { diagnose } from '../ranking/diagnostics.ts';
import { encodeRanking } from '../ranking/ranking.ts';
import { reportFiles } from '../report/write.ts';
import type { Store } from '../stores/store.ts';
import { aggregate, type RunFacts } from './aggregate.ts';
import type { Plan } from './plan.ts';
import { shardResult } from './shard-images.ts';
import { soundRanking } from './workbench.ts';

/** The report of a finished run. Throws RunError where results are missing. */
export async function buildReport(plan: Plan, runs: Store, rankings: Store): Promise<Report> {
  const { shards, transfers } = await resultsOf(plan, runs);
  return aggregate(await factsOf(plan, rankings), shards, transfers);
}

/** Builds the report and writes its files beside the results, `report.json` last: it is what says "finished". */
export async function writeReport(plan: Plan, runs: Store, rankings: Store): Promise<Report> {
  const { shards, transfers } = await resultsOf(plan, runs);
  const report = aggregate(await factsOf(plan, rankings), shards, transfers);
  for (const { method } of plan.rankings) {
    await runs.put(runKeys.ranking(method), encodeRanking(await soundRanking({ plan, rankings }, method)));
  }
  const files = [...reportFiles(report, shards)].sort(
    ([a], [b]) => Number(a === 'report.json') - Number(b === 'report.json'),
  );
  for (const [name, content] of files) await runs.put(runKeys.report(name), content);
  return report;
}

async function resultsOf(
  { config, shards }: Plan,
  runs: Store,
): Promise<{ shards: ShardResult[]; transfers: TransferResult[] }> {
  const pairs = config.variants.flatMap(({ id }) => shards.map((_, shard) => [id, shard] as const));
  return {
    shards: await Promise.all(pairs.map(([variant, shard]) => shardResult(runs, variant, shard))),
    transfers: await Promise.all(pairs.map(([variant, shard]) => transferResult(runs, variant, shard))),
  };
}

async function transferResult(runs: Store, variant: string, shard: number): Promise<TransferResult> {
  const key = runKeys.transfer(variant, shard);
  const bytes = await runs.get(key);
  const parsed = bytes && transferResultSchema.safeParse(JSON.parse(new TextDecoder().decode(bytes)));
  if (!parsed?.success) throw new RunError(`${key} is missing or damaged: run again to compute it`);
  return parsed.data;
}

/** Everything a report says that is known before any image is attacked. */
async function factsOf(plan: Plan, rankings: Store): Promise<RunFacts> {
  const { config, inputs, id, shards } = plan;
  return {
    run: {
      name: config.name,
      id,
      igdVersion: igdVersion(),
      seed: config.seed,
      suite: suiteOf(config.suite).map(({ attack }) => attack),
      threat: config.threat,
      temperature: config.temperature,
      smoothing: config.smoothing,
      examples: config.examples,
      images: inputs.test.images,
      shards: shards.length,
    },
    checkpoint: {
      uri: config.checkpoint.uri,
      sha256: inputs.checkpoint.sha256,
      architecture: inputs.checkpoint.architecture,
      classes: inputs.checkpoint.classes,
      notes: inputs.checkpoint.notes,
    },
    dataset: {
      format: config.dataset.format,
      test: { uri: config.dataset.test, ...inputs.test },
      probe: inputs.probe && { uri: config.dataset.probe ?? '', ...inputs.probe },
      classNames: inputs.classNames,
    },
    ranking: {
      layer: inputs.checkpoint.layer?.name ?? null,
      units: inputs.checkpoint.layer?.units ?? null,
      importantUnits: config.importantUnits ?? null,
      methods: await Promise.all(plan.rankings.map((entry) => rankingFacts(plan, rankings, entry))),
    },
    variants: config.variants,
    averagesNoise: suiteOf(config.suite).some(({ eot }) => eot > 1),
  };
}

async function rankingFacts(
  plan: Plan,
  rankings: Store,
  { method, digest, imported }: Plan['rankings'][number],
): Promise<Report['ranking']['methods'][number]> {
  const { recipe, scores } = await soundRanking({ plan, rankings }, method);
  const { overlap, meanOverlap, deadUnits, flags } = diagnose(scores, plan.config.importantUnits ?? 1);
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

function igdVersion(): string {
  const { version }: { version: string } = JSON.parse(readFileSync(new URL('package.json', PACKAGE_ROOT), 'utf8'));
  return version;
}
