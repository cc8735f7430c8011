import { createHash } from 'node:crypto';
import { craftedOnce, type SuiteAttack } from '../../attacks/suites.ts';
import { isOnnx } from '../../schemas/input-paths.ts';
import { canonicalJson } from '../../schemas/json.ts';
import { entryOf, rankedMask, UNDEFENDED } from '../../schemas/variants.ts';
import { type Plan, plannedRanking, type RunJob } from '../planning/plan.ts';
import { shardOf } from '../results.ts';

/** Jobs whose results other runs can take: what a variant's shard found under the attacks of a suite. */
export type EvaluationJob = Extract<RunJob, { kind: 'craft' | 'evaluate' }>;

/** The attacks that the job runs, in order. */
export function attacksOf({ suite }: Pick<Plan, 'suite'>, job: EvaluationJob): readonly SuiteAttack[] {
  return job.kind === 'evaluate' ? suite : suite.filter((spec) => craftedOnce(spec) === job.variant);
}

/**
 * Content address of what a job finds with the first `attacks` of its attacks: SHA-256 of everything that its numbers depend on,
 * and of nothing else. So paths, names, batches, other variants and other thresholds are not in it, nor is what only masks
 * depend on where there is none.
 */
export function evaluationAddress(plan: Plan, job: EvaluationJob, attacks = attacksOf(plan, job).length): string {
  const { config, inputs, numerics = 1 } = plan;
  const { first, count } = shardOf(plan, job.shard);
  const { threat, seed, examples } = config;
  const identity = {
    schema: 'igd.evaluation/1',
    numerics,
    kind: job.kind,
    model: modelIdentity(plan),
    images: {
      reading: readingOf(config.dataset),
      sha256: inputs.test.sha256,
      labels: inputs.labels?.test,
      shape: inputs.imageShape,
      ...{ first, count },
    },
    defence: defenceOf(plan, job.variant),
    ...{ threat, seed, examples },
    attacks: attacksOf(plan, job)
      .slice(0, attacks)
      .map((spec) => ({ ...spec, ...madeOn(plan, spec, job) })),
  };
  return createHash('sha256').update(canonicalJson(identity)).digest('hex');
}

/** An .onnx is prepared around the layer's tensor, which may change how numbers are rounded. */
function modelIdentity({ config, inputs }: Plan): object {
  const { uri, sha256: _, ...preparation } = config.checkpoint;
  const { sha256, classes } = inputs.checkpoint;
  return {
    sha256,
    classes,
    preparation,
    options: config.model,
    layer: isOnnx(uri) ? config.layer : undefined,
  };
}

/** How the data set's bytes become images: not where they are, nor how many are taken. */
function readingOf({
  test: _test,
  testLabels: _testLabels,
  testList: _testList,
  testImages: _testImages,
  probe: _probe,
  probeLabels: _probeLabels,
  probeImages: _probeImages,
  probeFraction: _probeFraction,
  probeSeed: _probeSeed,
  ...reading
}: Plan['config']['dataset']): object {
  return reading;
}

/** All that masking depends on; of the undefended model, that it has none. */
function defenceOf(plan: Plan, id: string): object {
  const { config, inputs } = plan;
  const variant = config.variants.find((candidate) => candidate.id === id) ?? UNDEFENDED;
  const { mask } = variant;
  if (mask === null) return entryOf(UNDEFENDED);
  const ranked = rankedMask(variant);
  return {
    ...entryOf(variant),
    layer: inputs.checkpoint.layer,
    ...(ranked && { importantUnits: ranked.importantUnits, digest: plannedRanking(plan, ranked.ranking).digest }),
    temperature: config.temperature,
    smoothing: config.smoothing,
  };
}

/** The model that an attack's examples are made on, where it is another variant's, and whose examples they are where they are made once. */
function madeOn(plan: Plan, spec: SuiteAttack, { kind, shard }: EvaluationJob): object {
  const once = craftedOnce(spec);
  // Who makes them runs the attack on the variant itself.
  if (once !== undefined && kind === 'craft') return {};
  if (once !== undefined) return { crafted: evaluationAddress(plan, { kind: 'craft', variant: once, shard }) };
  const { on } = spec;
  return on !== undefined && 'variant' in on ? { madeOn: defenceOf(plan, on.variant) } : {};
}
