import { runKeys } from '../contracts/keys.ts';
import {
  decodeEvaluation,
  type EvaluationMemory,
  encodeEvaluation,
  type SavedEvaluation,
} from '../evaluation/saved.ts';
import type { Workbench } from './workbench.ts';

/** Between two saves at least; what was computed since the last one is done again. A shard of 64 CIFAR images is 4 MB. */
const INTERVAL_MS = 5000;
/** Saving may take a twentieth of the time, where states are large or the bucket is far ... */
const INTERVAL_IN_SAVES = 20;
/** ... but never less than once a minute. */
const LONGEST_INTERVAL_MS = 60_000;

export interface ShardMemory extends EvaluationMemory {
  /** Once the result is written. */
  forget(): Promise<void>;
}

/** Keeps what a shard has so far beside the run's results, so that whoever does it next goes on from there. */
export function shardMemory(
  { plan, runs }: Pick<Workbench, 'plan' | 'runs'>,
  { variant, shard }: { readonly variant: string; readonly shard: number },
): ShardMemory {
  const key = runKeys.state(variant, shard);
  const owner = `${plan.id}/${key}`;
  let due = performance.now() + INTERVAL_MS;
  const save = async (evaluation: SavedEvaluation) => {
    const start = performance.now();
    await runs.put(key, encodeEvaluation(evaluation, owner));
    const end = performance.now();
    due = end + Math.min(Math.max(INTERVAL_MS, INTERVAL_IN_SAVES * (end - start)), LONGEST_INTERVAL_MS);
  };
  return {
    async recall() {
      const bytes = await runs.get(key);
      return bytes && decodeEvaluation(bytes, owner);
    },
    offer: (evaluation) => (performance.now() < due ? undefined : save(evaluation())),
    forget: () => runs.remove(key),
  };
}
