import { NO_PREDICTION } from '../attacks/core/predictions.ts';
import { distance, isWithinThreat } from '../attacks/norms/threat-model.ts';
import { datasetDigest } from '../datasets/digest.ts';
import { ConfigError } from '../errors.ts';
import { predictCandidates } from '../evaluation/predict.ts';
import { stackRows } from '../numeric/rows.ts';
import { checkpointDigest, testSpec } from './inputs/inspect-inputs.ts';
import { JobContext, type JobContextOptions } from './jobs/job-context.ts';
import { type AdversarialExample, auditExamplesOf, examplesOf } from './results.ts';

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
  options: JobContextOptions,
  progress: (checked: number, total: number | undefined) => void,
): Promise<{ checked: number; failures: Failure[] }> {
  const { plan } = options;
  await requireSameInputs(options);
  const context = new JobContext(options);
  const failures: Failure[] = [];
  let checked = 0;
  for (const { id } of plan.config.variants) {
    for (const read of readers(options, id)) {
      const examples = await read();
      failures.push(...(await checkShard(context, id, examples)));
      checked += examples.length;
      progress(checked, undefined);
    }
  }
  await context.release();
  return { checked, failures };
}

/** What a variant's shards left behind, and those of its audit. */
function readers({ plan, runs }: JobContextOptions, variant: string): (() => Promise<AdversarialExample[]>)[] {
  const audited = Array.from({ length: plan.audit?.shards ?? 0 }, (_, shard) => shard);
  return [
    ...[...plan.shards.keys()].map((shard) => () => examplesOf(runs, variant, shard)),
    ...audited.map((shard) => () => auditExamplesOf(runs, variant, shard)),
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
