import { NO_PREDICTION } from '../../attacks/core/predictions.ts';
import type { ImageState, SavedEvaluation } from '../../evaluation/image-state.ts';
import { decodeNpy } from '../../numeric/npy.ts';
import { runKeys } from '../../schemas/keys.ts';
import { parseRecord } from '../../schemas/parse-record.ts';
import { perturbationsSchema } from '../../schemas/perturbations.ts';
import { type ShardResult, shardResultSchema } from '../../schemas/results.ts';
import type { Store } from '../../stores/store.ts';
import { saveState } from '../jobs/shard-checkpoints.ts';
import type { Job, Plan } from '../planning/plan.ts';
import { isDone, readAll } from '../results.ts';
import { attacksOf, type EvaluationJob, evaluationAddress } from './evaluation-address.ts';
import { type EvaluationFiles, filesInRun, readEvaluation } from './evaluation-store.ts';

/** Where evaluations are kept, and what a run has of it. */
interface Reuse {
  readonly plan: Plan;
  readonly runs: Store;
  readonly kept: Store;
}

/** How much of a job is there: all of it, or the first so many of its attacks. */
export interface Known {
  readonly job: EvaluationJob;
  readonly address: string;
  readonly attacks: number;
}

/** Of these jobs the ones that the store knows something of. Asks once for what there is, not for each. */
export async function knownEvaluations(plan: Plan, jobs: readonly Job[], kept: Store): Promise<Known[]> {
  const evaluations = jobs.filter(isEvaluation);
  if (evaluations.length === 0) return [];
  const there = new Set(await kept.list('evaluations/'));
  if (there.size === 0) return [];
  return evaluations.flatMap((job): Known[] => {
    for (let attacks = attacksOf(plan, job).length; attacks > 0; attacks--) {
      const address = evaluationAddress(plan, job, attacks);
      if (there.has(`evaluations/${address}.json`)) return [{ job, address, attacks }];
    }
    return [];
  });
}

function isEvaluation(job: Job): job is EvaluationJob {
  return job.kind === 'evaluate' || job.kind === 'craft';
}

/**
 * Puts into a run what the store has of its jobs: results that are whole, and of suites that have grown the state to go on from, so
 * that the attacks that are new see what those before them left. Gives how many jobs need not be done. What comes of a run is the
 * same with and without it, but for the seconds.
 */
export async function takeEvaluations({ plan, runs, kept }: Reuse, jobs: readonly Job[]): Promise<number> {
  const known = await knownEvaluations(plan, jobs, kept);
  const taken = await readAll(known, async ({ job, address, attacks }) => {
    if (await isDone({ plan, runs, rankings: kept }, job)) return false;
    const files = await readEvaluation(kept, address);
    if (files === undefined) return false;
    if (attacks < attacksOf(plan, job).length) {
      await beginFrom({ plan, runs, kept }, job, files);
      return false;
    }
    for (const [part, key] of filesInRun(job)) {
      const bytes = files.get(part);
      if (bytes !== undefined) await runs.put(key, bytes);
    }
    return true;
  });
  return taken.filter((isTaken) => isTaken).length;
}

/** The state that an evaluation under fewer attacks ended in, as one that was interrupted between two attacks leaves it. */
async function beginFrom({ plan, runs }: Reuse, job: EvaluationJob, files: EvaluationFiles): Promise<void> {
  const record = files.get('record');
  const examples = files.get('examples');
  if (record === undefined || examples === undefined) return;
  const { images, attacks, checks } = parseRecord(shardResultSchema, record, 'a kept evaluation');
  const tensor = decodeNpy(examples, 'examples of a kept evaluation');
  if (tensor.type !== 'float32') return;
  const saved: SavedEvaluation = {
    imageStates: statesOf(images, files),
    examples: tensor.data,
    checks,
    usage: attacks,
    current: null,
  };
  const { variant, shard } = job;
  const key = job.kind === 'craft' ? runKeys.craftState(variant, shard) : runKeys.state(variant, shard);
  await saveState({ plan, runs }, key, saved);
}

function statesOf(images: ShardResult['images'], files: EvaluationFiles): ImageState[] {
  const sizes = files.get('perturbations');
  const { images: measured } =
    sizes === undefined
      ? { images: [] }
      : parseRecord(perturbationsSchema, sizes, 'perturbations of a kept evaluation');
  const nearest = new Map(
    measured.map(({ image, nearest: distance, nearestBy: attack }) => [image, { distance, attack }]),
  );
  return images.map(
    ({ image, label, cleanPrediction, brokenBy, brokenByEach, adversarialPrediction, unpredicted }, row) => {
      const near = nearest.get(image);
      return {
        ...{ row, image, label, adversarialPrediction },
        cleanPrediction: cleanPrediction ?? NO_PREDICTION,
        // Where each attack saw what those before it had left, one broke it at most.
        brokenBy: [...(brokenByEach ?? (brokenBy === null ? [] : [brokenBy]))],
        ...(unpredicted && { unpredicted }),
        ...(near && { nearest: near }),
      };
    },
  );
}
