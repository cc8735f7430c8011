import { runKeys } from '../contracts/keys.ts';
import { decodeEvaluation, type EvaluationMemory, encodeEvaluation } from '../evaluation/saved.ts';
import type { Workbench } from './workbench.ts';

/** Between two saves. A shard of 64 CIFAR images is some 4 MB, written in milliseconds; at most this much is done again. */
const INTERVAL_MS = 20_000;

export interface ShardMemory extends EvaluationMemory {
  /** Once the result is written. */
  forget(): Promise<void>;
}

/** Keeps what a shard has so far beside the run's results, so that whoever does it next goes on from there. */
export function shardMemory(
  { plan, runs, saveEveryMs = INTERVAL_MS }: Pick<Workbench, 'plan' | 'runs' | 'saveEveryMs'>,
  { variant, shard }: { readonly variant: string; readonly shard: number },
): ShardMemory {
  const key = runKeys.state(variant, shard);
  const owner = `${plan.id}/${key}`;
  let saved = performance.now();
  return {
    async recall() {
      const bytes = await runs.get(key);
      return bytes && decodeEvaluation(bytes, owner);
    },
    offer(save) {
      if (performance.now() - saved < saveEveryMs) return undefined;
      saved = performance.now();
      return runs.put(key, encodeEvaluation(save(), owner));
    },
    forget: () => runs.remove(key),
  };
}
