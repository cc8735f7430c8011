import { rankingKey, runKeys } from '../contracts/keys.ts';
import type { Store } from '../stores/store.ts';
import type { Job, Plan } from './plan.ts';

/** Whether a job's result is there already. */
export function isDone(
  { plan, runs, rankings }: { readonly plan: Plan; readonly runs: Store; readonly rankings: Store },
  job: Job,
): Promise<boolean> {
  return job.kind === 'rank' ? rankings.has(resultKey(plan, job)) : runs.has(resultKey(plan, job));
}

/** Where a job's result goes: of a ranking in the ranking store, of every other job in the run's. */
export function resultKey(plan: Plan, job: Job): string {
  switch (job.kind) {
    case 'rank':
      return rankingKey(plan.rankings.find(({ method }) => method === job.method)?.digest ?? '');
    case 'evaluate':
      return runKeys.evaluation(job.variant, job.shard);
    case 'transfer':
      return runKeys.transfer(job.variant, job.shard);
    case 'shift':
      return runKeys.shift(job.shard);
    case 'surface':
      return runKeys.surface(job.variant, job.image);
  }
}
