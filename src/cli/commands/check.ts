import { appendFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { InputError, messageOf, RunError } from '../../errors.ts';
import { compareRuns, requireSameData, testDataOf } from '../../report/compare/compare-runs.ts';
import { comparisonJunit, comparisonMarkdown, comparisonText } from '../../report/compare/comparison-text.ts';
import { differingOptions, suiteText, threatText } from '../../report/compare/differences.ts';
import type { RunOutcomes } from '../../report/compare/run-outcomes.ts';
import { comparisonSentence, regressionsOf } from '../../report/compare/sentence.ts';
import { list } from '../../report/format.ts';
import { readRun } from '../../runs/catalogue/read-run.ts';
import type { Plan } from '../../runs/planning/plan.ts';
import { prepareRun } from '../../runs/planning/prepare-run.ts';
import { executeRun } from '../../runs/run.ts';
import type { RunComparison } from '../../schemas/comparison.ts';
import { parseParameterSweep } from '../../schemas/parameter-sweep.ts';
import {
  addCacheOption,
  addExecutionOptions,
  configOf,
  type ExecutionFlags,
  execute,
  requireDevice,
} from '../execution-context.ts';
import { print, readConfigJson, storageLocation, writeOutput } from '../storage-location.ts';

interface CheckFlags extends ExecutionFlags {
  readonly baseline: string;
  readonly alpha: number;
  readonly junit?: string;
  readonly github?: string | true;
  readonly json?: true;
}

export function define(command: Command): void {
  command
    .argument('<config>', 'run config (.json, .jsonc, .yaml)')
    .requiredOption('--baseline <report>', 'report.json with its images.csv beside it, or the folder or URI of a run')
    .requiredOption('--out <dir>', 'folder of the run, or s3://bucket/prefix; goes on where an earlier start stopped')
    .option('--alpha <p>', 'chance of a false alarm, over both measures of all variants', significance, 0.05)
    .option('--junit <file>', 'write the result as JUnit, a test case for each measure of each variant')
    .option('--github [file]', 'append the result as Markdown to this file, or to $GITHUB_STEP_SUMMARY')
    .option('--json', 'print the comparison as JSON');
  addExecutionOptions(addCacheOption(command)).action(check);
}

function significance(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('give a number between 0 and 1.');
  return value;
}

async function check(path: string, flags: CheckFlags): Promise<void> {
  const text = await readConfigJson(path);
  if (parseParameterSweep(text, path) !== undefined)
    throw new InputError(`${path} stands for several runs: check one of its values, in a config without "sweep"`);
  const summary = summaryFile(flags.github);
  const { config, source } = configOf(text, path, flags.device);
  const baseline = await readBaseline(flags.baseline);
  await requireDevice(config.compute.device, flags.workers);
  const { plan } = await prepareRun(config, source);
  requireComparable(plan, baseline, flags.baseline);
  const runs = await storageLocation(flags.out);
  await execute(flags, ({ optionsFor }) => executeRun({ ...optionsFor(runs), config, source }));
  const comparison = compareRuns(baseline, await readRun(runs));
  await write(comparison, flags, summary);
  conclude(comparison, flags);
}

/** A file, or the folder or prefix of a run. */
async function readBaseline(path: string): Promise<RunOutcomes> {
  if (!path.endsWith('.json')) return readRun(await storageLocation(path));
  const folder = path.startsWith('s3://') ? path.slice(0, path.lastIndexOf('/')) : dirname(path);
  return readRun({ ...(await storageLocation(folder)), file: basename(path) });
}

/**
 * Throws InputError, before anything is computed, where the run would not be of the baseline's question: a weaker attack would hide what
 * a model has lost.
 */
function requireComparable({ config, suite, inputs }: Plan, baseline: RunOutcomes, path: string): void {
  const { run, variants } = baseline.report;
  const { format, test: uri } = config.dataset;
  requireSameData(testDataOf(baseline.report), { name: config.name, format, uri, sha256: inputs.test.sha256 });
  const names = (named: readonly { readonly name: string }[]) => suiteText(named.map(({ name }) => name));
  const ids = (named: readonly { readonly id: string }[]) => list(named.map(({ id }) => id).sort());
  refuseOther('threat model', path, threatText(run.threat), threatText(config.threat));
  refuseOther('suite', path, names(run.suite), names(suite));
  for (const { what, a, b } of differingOptions(baseline.suite, suite)) refuseOther(what, path, a, b);
  refuseOther('variants', path, ids(variants), ids(config.variants));
}

function refuseOther(what: string, path: string, before: string, now: string): void {
  if (before === now) return;
  throw new InputError(
    `${what}: the baseline ${path} has ${before}, the config ${now}: make a baseline with "igd run" and this config, or change the config`,
  );
}

/** Throws InputError where none is named. */
function summaryFile(github: CheckFlags['github']): string | undefined {
  if (github !== true) return github;
  const file = process.env.GITHUB_STEP_SUMMARY;
  if (file) return file;
  throw new InputError('--github: $GITHUB_STEP_SUMMARY is not set, as it is in a job on GitHub: name a file');
}

async function write(comparison: RunComparison, { alpha, junit, json }: CheckFlags, summary?: string): Promise<void> {
  if (junit !== undefined) await writeOutput(junit, comparisonJunit(comparison, alpha));
  if (summary !== undefined)
    await appendFile(summary, comparisonMarkdown(comparison, alpha)).catch((cause: unknown) => {
      throw new RunError(`cannot write ${summary}: ${messageOf(cause)}`, { cause });
    });
  print(json === true ? JSON.stringify(comparison, null, 2) : comparisonText(comparison));
}

/** Throws RunError, which ends with code 1, where anything is significantly lower. */
function conclude(comparison: RunComparison, { alpha, json }: CheckFlags): void {
  const sentence = comparisonSentence(comparison, alpha);
  if (regressionsOf(comparison, alpha).length > 0) throw new RunError(sentence);
  if (json !== true) print(`\n${sentence}`);
}
