import type { Plan } from '../pipeline/plan.ts';
import { stageJobs } from '../pipeline/stages.ts';

/** The shards that every variant is done with, in evaluation and, where it is given, in transfer: the lists run alike. */
export function completeShards(plan: Plan, ...stages: readonly (readonly boolean[])[]): Set<number> {
  const complete = new Set(plan.shards.keys());
  for (const [position, job] of stageJobs(plan, 'evaluate').entries()) {
    const isDone = stages.every((done) => done[position] === true);
    if (!isDone && job.kind === 'evaluate') complete.delete(job.shard);
  }
  return complete;
}
