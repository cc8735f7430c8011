import { createHash } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import { evaluationsIn } from '../../attacks/core/attack.ts';
import type { CheckpointStore, SavedEvaluation } from '../../evaluation/image-state.ts';
import type { JobProgress } from './executor.ts';
import type { JobContext } from './job-context.ts';

/** Raised whenever the form of what attacks save changes: an older state is not gone on with, its shard begins anew. */
const STATE_VERSION = 2;

/** Between two saves at least; what was computed since the last one is done again. A shard of 64 CIFAR images is 4 MB. */
const INTERVAL_MS = 5000;
/** Saving may take a twentieth of the time, where states are large or the bucket is far ... */
const INTERVAL_IN_SAVES = 20;
/** ... but never less than once a minute. */
const LONGEST_INTERVAL_MS = 60_000;

export interface ShardCheckpointStore extends CheckpointStore {
  /** Once the result is written. */
  delete(): Promise<void>;
}

/** Keeps what a shard has so far under `key` beside the run's results, so that whoever does it next goes on from there. */
export function shardCheckpoints({ plan, runs }: Pick<JobContext, 'plan' | 'runs'>, key: string): ShardCheckpointStore {
  const owner = ownerOf(plan, key);
  let due = performance.now() + INTERVAL_MS;
  const save = async (evaluation: SavedEvaluation) => {
    const start = performance.now();
    await runs.put(key, encodeEvaluation(evaluation, owner));
    const end = performance.now();
    due = end + Math.min(Math.max(INTERVAL_MS, INTERVAL_IN_SAVES * (end - start)), LONGEST_INTERVAL_MS);
  };
  return {
    async load() {
      const bytes = await runs.get(key);
      return bytes && decodeEvaluation(bytes, owner);
    },
    maybeSave: (evaluation) => (performance.now() < due ? undefined : save(evaluation())),
    delete: () => runs.remove(key),
  };
}

/** Puts down, where nothing is yet, what the job behind `key` is to go on from. */
export async function saveState(
  { plan, runs }: Pick<JobContext, 'plan' | 'runs'>,
  key: string,
  saved: SavedEvaluation,
): Promise<void> {
  await runs.putNew(key, encodeEvaluation(saved, ownerOf(plan, key)));
}

function ownerOf(plan: Pick<JobContext['plan'], 'id'>, key: string): string {
  return `${STATE_VERSION}/${plan.id}/${key}`;
}

const DIGEST_BYTES = 32;

/** Bytes that `decodeEvaluation` takes: a SHA-256 of `owner` and the data, then the data. */
export function encodeEvaluation(saved: SavedEvaluation, owner: string): Buffer {
  const data = serialize(saved);
  return Buffer.concat([digestOf(owner, data), data]);
}

/**
 * The evaluation that `owner` (the run's identity and the shard) saved; undefined for anything else, damaged bytes and those of
 * another version included: the shard is then done from its start. The digest is checked before a byte is interpreted.
 */
export function decodeEvaluation(bytes: Uint8Array, owner: string): SavedEvaluation | undefined {
  const data = Buffer.from(bytes.subarray(DIGEST_BYTES));
  if (!digestOf(owner, data).equals(bytes.subarray(0, DIGEST_BYTES))) return undefined;
  return deserialize(data) as SavedEvaluation;
}

function digestOf(owner: string, data: Uint8Array): Buffer {
  return createHash('sha256').update(owner).update('\0').update(data).digest();
}

/**
 * Tells those who watch a job which part of its progress an earlier start had made, where its store has something to go on
 * from: without that, an hour's work would seem to be done in the first second, and speed and time left come out wrong.
 */
export function resumeProgress(
  checkpoints: CheckpointStore,
  progress: (state: JobProgress) => void,
): { readonly checkpoints: CheckpointStore; readonly progress: (state: JobProgress) => void } {
  let evaluations: number | undefined;
  let earlier: JobProgress['earlier'];
  return {
    checkpoints: {
      ...checkpoints,
      async load() {
        const saved = await checkpoints.load();
        if (saved !== undefined) evaluations = evaluationsOf(saved);
        return saved;
      },
    },
    progress(state) {
      // The first state heard is one evaluation on from what was saved: near enough for a share of the whole suite.
      if (evaluations !== undefined) earlier ??= { fraction: state.fraction, evaluations };
      progress(earlier === undefined ? state : { ...state, earlier });
    },
  };
}

function evaluationsOf({ usage, current }: SavedEvaluation): number {
  return evaluationsIn(current === null ? usage : [...usage, current.usage]);
}
