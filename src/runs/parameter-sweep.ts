import { createHash } from 'node:crypto';
import { ConfigError } from '../errors.ts';
import { runKeys } from '../schemas/keys.ts';
import {
  type ParameterSweep,
  type ParameterSweepReport,
  type ParameterSweepRun,
  parameterSweepReportSchema,
} from '../schemas/parameter-sweep.ts';
import type { Report } from '../schemas/report.ts';
import type { Store } from '../stores/store.ts';
import type { Plan } from './planning/plan.ts';
import { prepareRun } from './planning/prepare-run.ts';
import { executeRun, type RunOptions } from './run.ts';
import { unlessAborted } from './unless-aborted.ts';

export interface ParameterSweepOptions {
  readonly sweep: ParameterSweep;
  /** Where the sweep's own report goes. */
  readonly store: Store;
  /** The options of one of its runs; all share one ranking store, so that a ranking is computed once. */
  readonly optionsFor: (run: ParameterSweepRun) => Omit<RunOptions, 'config' | 'source' | 'prepare'>;
  /** Called before a run. */
  readonly begin?: (run: ParameterSweepRun, position: number) => void;
}

/**
 * Does the runs of a sweep, one after the other, or what is left of them, and reports on them side by side. Nothing is
 * written before the inputs of all runs have been found to fit. What no swept value can change is not done again: rankings
 * are shared by their content, and the undefended model's results are copied from the first run that has them. Throws as
 * `executeRun` does; ConfigError also for a folder that holds a single run.
 */
export async function executeParameterSweep({
  sweep,
  store,
  optionsFor,
  begin,
}: ParameterSweepOptions): Promise<ParameterSweepReport> {
  if (await store.has(runKeys.plan))
    throw new ConfigError('this folder holds a single run: give a sweep a folder of its own with --out');
  for (const run of sweep.runs) await unlessAborted(() => prepareRun(run.config, run.source), optionsFor(run).signal);
  const bases = new Map<string, Store>();
  const reports: Report[] = [];
  for (const [position, run] of sweep.runs.entries()) {
    begin?.(run, position);
    const options = optionsFor(run);
    const { config, source } = run;
    const prepare = async (plan: Plan) => copyBase(plan, bases.get(baseIdentity(plan)), options.runs);
    const { plan, report } = await executeRun({ ...options, config, source, prepare });
    const base = baseIdentity(plan);
    if (!bases.has(base)) bases.set(base, options.runs);
    reports.push(report);
  }
  const report = sweepReport(sweep, reports);
  const { parameterSweepFiles } = await import('../report/parameter-sweep.ts');
  for (const [name, content] of parameterSweepFiles(report)) await store.put(name, content);
  return report;
}

/**
 * Digest of everything the results of the undefended model depend on; runs of one identity have the same ones. It knows no
 * layer, but for .onnx: there the graph is prepared around the layer's tensor, which may change how numbers are rounded.
 */
export function baseIdentity({ config, suite, inputs, shards }: Plan): string {
  const { checkpoint, threat, seed, examples, layer } = config;
  const { uri, sha256: _sha256, ...preparation } = checkpoint;
  const identity = {
    checkpoint: inputs.checkpoint.sha256,
    preparation,
    layer: uri.endsWith('.onnx') ? layer : null,
    test: inputs.test,
    imageShape: inputs.imageShape,
    suite,
    threat,
    seed,
    examples,
    shards,
  };
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex');
}

/** Takes over what the undefended model's shards left in another run, where they are not there yet. */
async function copyBase({ config, shards }: Plan, from: Store | undefined, to: Store): Promise<void> {
  const base = config.variants.find(({ mask }) => mask === null);
  if (from === undefined || base === undefined) return;
  for (const shard of shards.keys()) {
    const result = runKeys.evaluation(base.id, shard);
    if (await to.has(result)) continue;
    // As a job does it: the result, which says "done", comes last. A run without this variant has neither.
    const key = runKeys.examples(base.id, shard);
    const [examples, outcome] = [await from.get(key), await from.get(result)];
    if (examples === undefined || outcome === undefined) continue;
    await to.put(key, examples);
    await to.put(result, outcome);
  }
}

function sweepReport({ name, key, runs }: ParameterSweep, reports: readonly Report[]): ParameterSweepReport {
  return parameterSweepReportSchema.parse({
    schema: 'igd.sweep/1',
    name,
    key,
    igdVersion: reports[0]?.run.igdVersion,
    runs: runs.map(({ value, label }, index) => ({
      value,
      folder: label,
      id: reports[index]?.run.id,
      images: reports[index]?.run.images,
      variants: reports[index]?.variants.map(({ id, mask, threshold, clean, robust, worstCase }) => {
        return { id, mask, ...(threshold === undefined ? {} : { threshold }), clean, robust, worstCase };
      }),
    })),
  });
}
