import { z } from 'zod';
import type { AttackedModel } from '../../attacks/core/attack.ts';
import { createAttack, resolveSuite, type SuiteAttack, suiteAttackSchema } from '../../attacks/suites.ts';
import { ConfigError, messageOf, RunError } from '../../errors.ts';
import type { SampleOptions } from '../../evaluation/audit/sample.ts';
import { PLANNED_BREAKS, sampleSize } from '../../evaluation/audit/sample-size.ts';
import { keyedStream } from '../../numeric/random.ts';
import type { RunConfig } from '../../schemas/config.ts';
import type { RunInputs } from '../inputs/inspect-inputs.ts';

export const plannedAuditSchema = z.strictObject({
  /** With every option spelled out, each attack on what the one before it left. */
  suite: z.array(suiteAttackSchema).min(1),
  /** Jobs a variant: enough for the sample were every image a survivor. How many survive is not known yet; the last may be empty. */
  shards: z.int().positive(),
});
export type PlannedAudit = z.infer<typeof plannedAuditSchema>;

/** The audit that a config asks for, undefined where it asks for none. Throws ConfigError where it would find nothing new. */
export function planAudit(config: RunConfig, suite: readonly SuiteAttack[], images: number): PlannedAudit | undefined {
  const { audit, compute } = config;
  if (audit === undefined) return undefined;
  if (content(resolveSuite({ ...config, suite: audit.suite })) === content(suite))
    throw new ConfigError(
      `audit.suite: is what "suite" is (${suiteName(audit.suite)}), so no image that survives it can break: ` +
        'leave "audit" out, or give "suite" attacks that cost less',
    );
  const most = sampleSize({ ...boundOf(config, images), survivors: images, breaks: PLANNED_BREAKS });
  return {
    suite: resolveSuite({ ...config, suite: audit.suite, protocol: 'sequential' }).map(onEachVariant),
    shards: Math.ceil(most / compute.imagesPerShard),
  };
}

/** What a run makes once is made for all its images; an audit has a sample, another one for every variant. */
function onEachVariant({ sees: _sees, on, ...spec }: SuiteAttack): SuiteAttack {
  if (on === undefined || !('variant' in on)) return { ...spec, ...(on && { on }) };
  return { ...spec, on: { variant: on.variant } };
}

/** What the attacks do, whatever they are called. */
function content(suite: readonly SuiteAttack[]): string {
  return JSON.stringify(suite.map(({ name: _name, group: _group, ...spec }) => spec));
}

/** "standard", or the attacks of a list. */
export function suiteName(suite: RunConfig['suite']): string {
  return typeof suite === 'string' ? suite : suite.map(({ attack, name = attack }) => name).join(', ');
}

/** What an audit's sample depends on besides its survivors. */
export function boundOf({ audit, variants, seed }: RunConfig, images: number): SampleOptions {
  if (audit === undefined) throw new RunError('the plan has no audit');
  const { halfWidth, confidence } = audit;
  return { halfWidth, confidence, images, variants: variants.length, seed };
}

/** Of a plan, as far as an audit goes. */
interface Audited {
  readonly config: RunConfig;
  readonly audit?: PlannedAudit | undefined;
}

/** The images of a variant's sample that one of its shards takes; of shards beyond the sample's end, none. */
export function auditShare({ config, audit }: Audited, sample: readonly number[], shard: number): number[] {
  const size = config.compute.imagesPerShard;
  const isLast = shard + 1 === audit?.shards;
  return sample.slice(shard * size, isLast ? sample.length : (shard + 1) * size);
}

/**
 * Throws ConfigError where an attack of the audit is not for a model of so few classes: before hours of the suite that comes
 * first. An attack says so when it is started, be it on no image at all.
 */
export async function requireAuditAttacks(
  { config, audit }: Audited,
  { imageShape, checkpoint }: RunInputs,
): Promise<void> {
  const { classes } = checkpoint;
  const unasked = () => Promise.reject(new Error('no image was to be evaluated'));
  const model: AttackedModel = {
    classes,
    imageShape,
    imageSize: imageShape.reduce((size, side) => size * side, 1),
    randomised: false,
    logits: unasked,
    gradient: unasked,
  };
  const none = { x: new Float32Array(), labels: new Int32Array(), images: [], logits: new Float32Array() };
  const { threat, examples } = config;
  for (const spec of audit?.suite ?? []) {
    const context = { model, threat, examples, stream: () => keyedStream(['audit']) };
    await createAttack(spec)
      .run(none, context)
      .catch((error: unknown) => {
        throw error instanceof ConfigError ? new ConfigError(`audit.suite: ${messageOf(error)}`) : error;
      });
  }
}
