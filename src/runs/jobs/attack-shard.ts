import type { EvaluationImages } from '../../evaluation/image-state.ts';
import { type Evaluation, evaluateImages, type SuiteEntry } from '../../evaluation/protocol.ts';
import { evaluateQuantised } from '../../evaluation/quantised.ts';
import { encodeNpy } from '../../numeric/npy.ts';
import { gatherRows, rowOf } from '../../numeric/rows.ts';
import { float32 } from '../../numeric/tensor.ts';
import { NUMERICS } from '../../schemas/numerics.ts';
import { type QuantisedExamples, type ShardResult, shardResultSchema } from '../../schemas/results.ts';
import type { JobProgress } from './executor.ts';
import type { JobContext } from './job-context.ts';
import { type PerturbationRecords, perturbationRecords } from './perturbations.ts';
import { resumeProgress, shardCheckpoints } from './shard-checkpoints.ts';

export interface ShardAttacks {
  /** The variant that is evaluated. */
  readonly variant: string;
  readonly images: EvaluationImages;
  readonly suite: readonly SuiteEntry[];
  /** Key of what an interrupted start has left. */
  readonly state: string;
  /** Says also what becomes of the examples once they are rounded to so many bits: a forward each. */
  readonly bits?: number;
}

/** What attacks on a shard have found, to be stored. */
export interface AttackedShard {
  /** .npy, [m, C, H, W] float32: the adversarial examples of the broken images, in image order. */
  readonly examples: Uint8Array;
  /** JSON of a `ShardResult`. */
  readonly record: string;
  /** To be called once both are stored: what an interrupted start would go on from is not needed any more. */
  done(): Promise<void>;
}

interface MeasuredShard extends AttackedShard {
  /** How far the examples are from their images, and pictures of some: JSON, made when asked for. */
  perturbations(): PerturbationRecords;
}

/** Attacks images on one variant; goes on where an earlier start was interrupted. */
export async function attackShard(
  context: JobContext,
  { variant, images, suite, state, bits }: ShardAttacks,
  progress: (state: JobProgress) => void,
): Promise<MeasuredShard> {
  const { config, inputs } = context.plan;
  const model = await context.model(variant);
  const checkpoints = shardCheckpoints(context, state);
  const resumed = resumeProgress(checkpoints, progress);
  const evaluation = await evaluateImages(model, images, {
    suite,
    threat: config.threat,
    seed: config.seed,
    batchSize: config.compute.batchSize,
    examples: config.examples,
    ...resumed,
  });
  const { outcomes, adversarial, usage, checks } = evaluation;
  const broken = outcomes.flatMap(({ brokenBy }, row) => (brokenBy === null ? [] : [row]));
  const examples = float32([broken.length, ...inputs.imageShape], gatherRows(adversarial, broken, model.imageSize));
  const result: ShardResult = {
    schema: 'igd.shard/2',
    numerics: NUMERICS,
    variant,
    images: outcomes,
    attacks: usage,
    checks,
    ...(bits !== undefined && { quantised: await roundedExamples(context, { variant, images, bits }, evaluation) }),
  };
  return {
    examples: encodeNpy(examples),
    record: `${JSON.stringify(shardResultSchema.parse(result), null, 1)}\n`,
    perturbations: () =>
      perturbationRecords({ variant, images, evaluation, threat: config.threat, shape: inputs.imageShape }),
    done: () => checkpoints.delete(),
  };
}

/** A forward for each broken image. */
async function roundedExamples(
  context: JobContext,
  { variant, images, bits }: Required<Pick<ShardAttacks, 'variant' | 'images' | 'bits'>>,
  { outcomes, adversarial }: Evaluation,
): Promise<QuantisedExamples> {
  const { threat, seed, compute } = context.plan.config;
  const model = await context.model(variant);
  const examples = outcomes.flatMap(({ image, label, brokenBy }, row) => {
    const of = (values: Float32Array) => rowOf(values, row, model.imageSize);
    return brokenBy === null ? [] : [{ image, label, brokenBy, x: of(adversarial), clean: of(images.x) }];
  });
  return evaluateQuantised(model, examples, { bits, threat, seed, batchSize: compute.batchSize });
}
