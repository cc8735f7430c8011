import { NO_PREDICTION } from '../attacks/core/predictions.ts';
import { distance, isWithinThreat } from '../attacks/norms/threat-model.ts';
import { datasetDigest } from '../datasets/digest.ts';
import { ConfigError } from '../errors.ts';
import { predictCandidates } from '../evaluation/predict.ts';
import { stackRows } from '../numeric/rows.ts';
import type { QuantisedExamples } from '../schemas/results.ts';
import { checkpointDigest, testSpec } from './inputs/inspect-inputs.ts';
import { JobContext, type JobContextOptions } from './jobs/job-context.ts';
import { type AdversarialExample, auditExamplesOf, examplesOf } from './results.ts';
import { requireSharedRankings } from './sharing/shared-rankings.ts';
import { type QuantisedVariant, quantisedVariant, quantiseShard } from './verify-quantised.ts';

export interface Failure {
  readonly variant: string;
  readonly image: number;
  readonly problem: string;
}

/**
 * Checks every adversarial example of a run against the threat model and, on fresh sessions, the model. That of a
 * randomised model is repeated with the noise it was found with. Throws where inputs are not those of the run.
 */
export async function verifyRun(
  options: VerifyOptions,
  progress: (checked: number, total: number | undefined) => void,
): Promise<Verified> {
  const { plan, bits } = options;
  await requireSameInputs(options);
  await requireSharedRankings(plan, options.runs, options.rankings);
  const context = new JobContext(options);
  const failures: Failure[] = [];
  const rounded: QuantisedVariant[] = [];
  let checked = 0;
  for (const { id } of plan.config.variants) {
    const parts: QuantisedExamples[] = [];
    for (const { read, isAudit } of readers(options, id)) {
      const examples = await read();
      failures.push(...(await checkShard(context, id, examples)));
      if (bits !== undefined && !isAudit) parts.push(await quantiseShard(context, id, examples, bits));
      checked += examples.length;
      progress(checked, undefined);
    }
    if (bits !== undefined) rounded.push(...(await quantisedVariant(context, id, parts)));
  }
  await context.release();
  return { checked, failures, ...(bits !== undefined && { quantised: rounded }) };
}

interface VerifyOptions extends JobContextOptions {
  /** Asks also what becomes of the examples once they are rounded to so many bits, 1 to 16. */
  readonly bits?: number | undefined;
}

interface Verified {
  readonly checked: number;
  readonly failures: Failure[];
  /** Of every variant, where it was asked for. Examples of audits are not in it, as they are not in robust accuracies. */
  readonly quantised?: QuantisedVariant[];
}

interface ExampleReader {
  readonly isAudit: boolean;
  readonly read: () => Promise<AdversarialExample[]>;
}

/** What a variant's shards left behind, and those of its audit. */
function readers({ plan, runs }: JobContextOptions, variant: string): ExampleReader[] {
  const audited = Array.from({ length: plan.audit?.shards ?? 0 }, (_, shard) => shard);
  return [
    ...[...plan.shards.keys()].map((shard) => ({ isAudit: false, read: () => examplesOf(runs, variant, shard) })),
    ...audited.map((shard) => ({ isAudit: true, read: () => auditExamplesOf(runs, variant, shard) })),
  ];
}

/** Throws CheckpointError or ConfigError where an input is not the one the plan was made with. */
export async function requireSameInputs({ plan: { config, inputs } }: Pick<JobContextOptions, 'plan'>): Promise<void> {
  await checkpointDigest(config.checkpoint.uri, inputs.checkpoint.sha256);
  if ((await datasetDigest(testSpec(config))) !== inputs.test.sha256) {
    throw new ConfigError(`${config.dataset.test} is not the data this run was made with: put the same file back`);
  }
}

async function checkShard(
  context: JobContext,
  variant: string,
  examples: readonly AdversarialExample[],
): Promise<Failure[]> {
  const { config } = context.plan;
  const [model, test] = await Promise.all([context.model(variant), context.test()]);
  const predictions = await predictCandidates(model, stackedExamples(examples, model.imageSize), {
    seed: config.seed,
    batchSize: config.compute.batchSize,
  });
  const failures: Failure[] = [];
  for (const [i, { outcome, x }] of examples.entries()) {
    const clean = await test.gather([outcome.image]);
    const problems: string[] = [];
    if (!isWithinThreat(x, clean, config.threat)) {
      problems.push(`${config.threat.norm} distance ${distance(x, clean, config.threat.norm)}, or outside [0, 1]`);
    }
    if (predictions[i] === outcome.label) problems.push(`classified as its label ${outcome.label}`);
    if (predictions[i] === NO_PREDICTION) problems.push('not classified at all: its logits are NaN or infinite');
    failures.push(...problems.map((problem) => ({ variant, image: outcome.image, problem })));
  }
  return failures;
}

function stackedExamples(examples: readonly AdversarialExample[], size: number) {
  const rows = examples.map(({ x }) => x);
  return {
    x: stackRows(rows, size),
    images: examples.map(({ outcome }) => outcome.image),
    attacks: examples.map(({ brokenBy }) => brokenBy),
  };
}
