import { createAttack, type SuiteAttack } from '../../attacks/suites.ts';
import { plannedSample, survivorsIn } from '../../evaluation/audit/sample.ts';
import type { EvaluationImages } from '../../evaluation/image-state.ts';
import type { SuiteEntry } from '../../evaluation/protocol.ts';
import { encodeNpy } from '../../numeric/npy.ts';
import { float32 } from '../../numeric/tensor.ts';
import { runKeys } from '../../schemas/keys.ts';
import { NUMERICS } from '../../schemas/numerics.ts';
import type { ShardResult } from '../../schemas/results.ts';
import { auditShare, boundOf } from '../planning/audit.ts';
import { readAll, shardResult } from '../results.ts';
import { type AttackedShard, attackShard } from './attack-shard.ts';
import type { JobProgress } from './executor.ts';
import type { JobContext } from './job-context.ts';

interface AuditShard {
  readonly variant: string;
  readonly shard: number;
}

/** Takes a part of the variant's sample through the audit's suite; of a part beyond the sample's end, writes that it is empty. */
export async function auditShard(
  context: JobContext,
  job: AuditShard,
  progress: (state: JobProgress) => void,
): Promise<void> {
  const { variant, shard } = job;
  const images = await imagesOf(context, job);
  const { audit, inputs } = context.plan;
  const suite = (audit?.suite ?? []).flatMap((spec) => entryOf(context, variant, spec));
  const attacks = { variant, images, suite, state: runKeys.auditState(variant, shard) };
  const result =
    images.images.length === 0 ? emptyShard(variant, inputs.imageShape) : await attackShard(context, attacks, progress);
  // As an evaluation: what another process has done meanwhile stays whole.
  if (await context.runs.has(runKeys.audit(variant, shard))) return result.done();
  await context.runs.put(runKeys.auditExamples(variant, shard), result.examples);
  await context.runs.put(runKeys.audit(variant, shard), result.record);
  await result.done();
}

/** The part's images: all that the variant's evaluation found says which they are. */
async function imagesOf(context: JobContext, { variant, shard }: AuditShard): Promise<EvaluationImages> {
  const { plan, runs } = context;
  const results = await readAll([...plan.shards.keys()], (index) => shardResult(runs, variant, index));
  const survivors = survivorsIn(results.flatMap(({ images }) => images));
  const images = auditShare(plan, plannedSample(survivors, boundOf(plan.config, plan.inputs.test.images)), shard);
  const { labels, gather } = await context.test();
  return { images, x: await gather(images), labels: Int32Array.from(images, (image) => labels[image]!) };
}

/** None where the attack is left out of the variant. */
function entryOf(context: JobContext, variant: string, spec: SuiteAttack): SuiteEntry[] {
  const { group, on, except = [] } = spec;
  if (except.includes(variant)) return [];
  const entry = { attack: createAttack(spec), group };
  return [on === undefined ? entry : { ...entry, craftedOn: () => context.craftedOn(variant, on) }];
}

function emptyShard(variant: string, imageShape: readonly number[]): AttackedShard {
  const checks = { randomised: false, probabilities: false, zeroGradientImages: 0 };
  const result: ShardResult = { schema: 'igd.shard/2', numerics: NUMERICS, variant, images: [], attacks: [], checks };
  return {
    examples: encodeNpy(float32([0, ...imageShape], new Float32Array())),
    record: `${JSON.stringify(result, null, 1)}\n`,
    done: async () => undefined,
  };
}
