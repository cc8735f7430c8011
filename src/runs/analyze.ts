import { topUnitMasks } from '../defense/mask-set.ts';
import { RunError } from '../errors.ts';
import { type ImageShift, imageShifts, shiftTable } from '../evaluation/analysis/activation-shift.ts';
import {
  type AnalysisReport,
  analysisReportSchema,
  type ShiftImage,
  type SurfaceResult,
  shiftResultSchema,
  surfaceResultSchema,
} from '../schemas/analysis.ts';
import { rankingKey, runKeys } from '../schemas/keys.ts';
import { parseRecord } from '../schemas/parse-record.ts';
import type { TimelessProof } from '../schemas/proof.ts';
import type { Store } from '../stores/store.ts';
import { proofsOf, testimonyOf } from './model-records.ts';
import { ANALYSIS_STAGES, analysisAttack, analysisJobs, analysisMask, planAnalysis } from './planning/analysis-plan.ts';
import type { Plan } from './planning/plan.ts';
import { prepareRun } from './planning/prepare-run.ts';
import { publishedShifts } from './planning/published.ts';
import { loadRanking } from './planning/rankings.ts';
import { type RunOptions, requireSamePlan, runStages, writePlan } from './run.ts';
import { clearLeases, shareRun } from './sharing/share-run.ts';
import { storedArray } from './stored.ts';
import { unlessAborted } from './unless-aborted.ts';

/**
 * Does an analysis, or what is left of it: plan, rankings, attacks and activations, loss surfaces, report. `config` and
 * `source` are those of `analysisSource`. Throws InputError for bad input and for a folder that holds something else.
 */
export async function executeAnalysis(options: RunOptions): Promise<AnalysisReport> {
  const { config, source, runs, rankings, signal } = options;
  const prepared = await unlessAborted(() => prepareRun(config, source), signal);
  const { imported } = prepared;
  const plan = planAnalysis(prepared.plan);
  await unlessAborted(() => requireSamePlan(plan, runs), signal);
  return shareRun(plan, runs, async (share) => {
    await writePlan(plan, runs, share);
    if (imported !== undefined) await rankings.put(rankingKey(imported.digest), imported.file);
    const work = ANALYSIS_STAGES.map((stage) => ({ stage, jobs: analysisJobs(plan, stage) }));
    await runStages(plan, work, options, share);
    const report = await writeAnalysis(plan, runs, rankings);
    await clearLeases(runs, share);
    return report;
  });
}

async function writeAnalysis(plan: Plan, runs: Store, rankings: Store): Promise<AnalysisReport> {
  const { config, inputs } = plan;
  const { layer, importantUnits, ranking } = analysisMask(config);
  const { images, shifts } = await shiftsOf(plan, runs, rankings);
  const shift = shiftTable(shifts);
  const { uri } = config.checkpoint;
  const { sha256, architecture, reading, layer: planned } = inputs.checkpoint;
  const testimony = await testimonyOf(runs);
  const report = analysisReportSchema.parse({
    schema: 'igd.analysis/1',
    name: config.name,
    id: plan.id,
    checkpoint: { uri, sha256, architecture, reading, testimony },
    proofs: await timelessProofs(plan, runs),
    attack: analysisAttack(config),
    threat: config.threat,
    layer,
    units: planned?.units,
    importantUnits,
    ranking,
    attacked: images.length,
    images: inputs.test.images,
    shift,
    surfaces: await surfacesOf(plan, runs),
    published: publishedShifts(config, shift, inputs.test.images),
  });
  const { analysisFiles } = await import('../report/analysis/files.ts');
  const files = [...analysisFiles(report, { images, shifts, classNames: inputs.classNames })];
  // analysis.json last: it is what says "finished".
  files.sort(([a], [b]) => Number(a === 'analysis.json') - Number(b === 'analysis.json'));
  for (const [name, content] of files) await runs.put(runKeys.report(name), content);
  return report;
}

/** Of the variants whose models were computed with. */
async function timelessProofs(plan: Plan, runs: Store): Promise<Record<string, TimelessProof>> {
  const proofs = [...(await proofsOf(plan, runs))];
  return Object.fromEntries(proofs.map(([id, { seconds: _, ...proof }]) => [id, proof]));
}

/** Every attacked image and what the attack did to its activations, in the order of the data set. */
async function shiftsOf(
  plan: Plan,
  runs: Store,
  rankings: Store,
): Promise<{ images: ShiftImage[]; shifts: ImageShift[] }> {
  const { importantUnits, ranking } = analysisMask(plan.config);
  const { scores } = await loadRanking({ plan, rankings, runs }, ranking);
  const masks = topUnitMasks(scores, importantUnits);
  const images: ShiftImage[] = [];
  const shifts: ImageShift[] = [];
  for (const shard of plan.shards.keys()) {
    const { outcomes, before, after } = await shiftShardOf(runs, shard, scores.units);
    const labels = outcomes.map(({ label }) => label);
    const predictionsAfter = outcomes.map(({ prediction }) => prediction);
    shifts.push(...imageShifts({ before, after, labels, predictionsBefore: labels, predictionsAfter, masks }));
    images.push(...outcomes);
  }
  return { images, shifts };
}

async function shiftShardOf(runs: Store, shard: number, units: number) {
  const key = runKeys.activations(shard);
  const [text, bytes] = [await textOf(runs, runKeys.shift(shard)), await runs.get(key)];
  const outcomes = parseRecord(shiftResultSchema, text, runKeys.shift(shard)).images;
  const pairs = bytes && storedArray(bytes, key, `delete it and ${runKeys.shift(shard)} and run again`);
  const count = outcomes.length;
  if (pairs?.type !== 'float32' || pairs.dims.join() !== [count, 2, units].join())
    throw new RunError(`${runKeys.shift(shard)} and ${key} do not fit each other: delete both and run again`);
  const half = (which: 0 | 1) => {
    const values = new Float32Array(count * units);
    for (let row = 0; row < count; row++)
      values.set(pairs.data.subarray((2 * row + which) * units, (2 * row + which + 1) * units), row * units);
    return values;
  };
  return { outcomes, before: half(0), after: half(1) };
}

async function surfacesOf({ config }: Plan, runs: Store): Promise<SurfaceResult[]> {
  const surfaces: SurfaceResult[] = [];
  for (const image of config.analysis.lossSurface?.images ?? [])
    for (const { id } of config.variants) {
      const key = runKeys.surface(id, image);
      surfaces.push(parseRecord(surfaceResultSchema, await textOf(runs, key), key));
    }
  return surfaces;
}

async function textOf(runs: Store, key: string): Promise<string> {
  const bytes = await runs.get(key);
  if (bytes === undefined) throw new RunError(`${key} is missing: run again to compute it`);
  return new TextDecoder().decode(bytes);
}
