import { createHash } from 'node:crypto';
import { ConfigError, RunError } from '../errors.ts';
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
 * and evaluations are shared by their content. Throws as `executeRun` does; ConfigError also for a folder that holds a single run.
 */
export async function executeParameterSweep({
  sweep,
  store,
  optionsFor,
  begin,
}: ParameterSweepOptions): Promise<ParameterSweepReport> {
  if (await store.has(runKeys.plan))
    throw new ConfigError('this folder holds a single run: give a sweep a folder of its own with --out');
  const plans: Plan[] = [];
  for (const run of sweep.runs) {
    const { plan } = await unlessAborted(() => prepareRun(run.config, run.source), optionsFor(run).signal);
    plans.push(plan);
  }
  requireSameInputs(sweep.key, plans);
  const reports: Report[] = [];
  for (const [position, run] of sweep.runs.entries()) {
    begin?.(run, position);
    const options = optionsFor(run);
    const { config, source } = run;
    const prepare = async (plan: Plan) => requireSameInputs(sweep.key, [plans[0]!, plan]);
    const { report } = await executeRun({ ...options, config, source, prepare });
    reports.push(report);
  }
  const runsDone = sweep.runs.map(({ value, label }, index) => ({ value, folder: label, report: reports[index] }));
  return writeSweepReport(store, { ...sweep, runs: runsDone });
}

/** What of a plan's inputs a swept key changes; the rest is the same for all runs. */
const SWEPT_INPUTS: Readonly<Partial<Record<ParameterSweepReport['key'], readonly string[]>>> = {
  'dataset.test': ['test set', 'list of class names'],
  'dataset.severity': ['test set'],
  // A ranking that says nothing of where it came from is stored as one of this layer and probe set.
  'dataset.probeFraction': ['probe set', 'ranking file'],
  layer: ['ranking file'],
};

/** Throws RunError where a file was replaced after the first run was planned: a sweep compares what one model does on the same data. */
export function requireSameInputs(key: ParameterSweepReport['key'], plans: readonly Plan[]): void {
  const [first, ...others] = plans.map(({ rankings, inputs: { checkpoint, test, probe, labels, clip } }) => ({
    checkpoint: checkpoint.sha256,
    'test set': test.sha256,
    'probe set': probe?.sha256,
    'test labels': labels?.test,
    'probe labels': labels?.probe,
    'ranking file': rankings.find(({ imported }) => imported)?.digest,
    CLIP: clip?.files.join(' and '),
    tokenizer: clip?.tokenizer,
    'list of class names': clip && digestOfNames(clip.concepts),
  }));
  if (first === undefined) return;
  for (const other of others)
    for (const [what, sha256] of Object.entries(first)) {
      const now = new Map<string, string | undefined>(Object.entries(other)).get(what);
      if (SWEPT_INPUTS[key]?.includes(what) || now === sha256) continue;
      throw new RunError(
        `the ${what} was replaced since the sweep over ${key} began: its SHA-256 was ${sha256}, now ${now}, and a sweep compares runs on ` +
          'the same files. Put that file back and start again, or start in a new folder',
      );
    }
}

function digestOfNames(names: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(names)).digest('hex');
}

/** A sweep, and the report of each run that is whole. */
export interface ReportedSweep extends Pick<ParameterSweepReport, 'name' | 'key'> {
  readonly runs: readonly {
    readonly value: ParameterSweepReport['runs'][number]['value'];
    readonly folder: string;
    readonly report: Report | undefined;
  }[];
}

/** Writes the report of the runs side by side, sweep.json last. At least one of them is whole. */
export async function writeSweepReport(
  store: Pick<Store, 'put'>,
  { name, key, runs }: ReportedSweep,
): Promise<ParameterSweepReport> {
  const missing = runs.flatMap(({ folder, report }) => (report === undefined ? [folder] : []));
  const report = parameterSweepReportSchema.parse({
    schema: 'igd.sweep/1',
    name,
    key,
    igdVersion: runs.flatMap((run) => run.report?.run.igdVersion ?? [])[0],
    runs: runs.flatMap((run) => (run.report === undefined ? [] : [summaryOf(run.value, run.folder, run.report)])),
    ...(missing.length > 0 && { missing }),
  });
  const { parameterSweepFiles } = await import('../report/parameter-sweep.ts');
  for (const [file, content] of parameterSweepFiles(report)) await store.put(file, content);
  return report;
}

function summaryOf(value: string | number, folder: string, { run, variants }: Report) {
  return {
    value,
    folder,
    id: run.id,
    images: run.images,
    variants: variants.map(({ id, mask, threshold, clean, robust, worstCase }) => {
      return { id, mask, ...(threshold === undefined ? {} : { threshold }), clean, robust, worstCase };
    }),
  };
}
