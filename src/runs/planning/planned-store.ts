import { evaluationKey, rankingKey } from '../../schemas/keys.ts';
import type { Store } from '../../stores/store.ts';
import { type EvaluationJob, evaluationAddress } from '../reuse/evaluation-address.ts';
import { type Plan, stageJobs } from './plan.ts';

/** The store of rankings and evaluations as it is to be once these runs are done, by its keys: for who plans what comes after them. */
export function withPlanned(store: Store, plans: readonly Plan[]): Store {
  const planned = new Set(plans.flatMap(keysOf));
  return {
    get: (key) => store.get(key),
    has: async (key) => planned.has(key) || store.has(key),
    put: (key, bytes) => store.put(key, bytes),
    putNew: (key, bytes) => store.putNew(key, bytes),
    remove: (key) => store.remove(key),
    list: async (prefix) => {
      const there = await store.list(prefix);
      return [...new Set([...there, ...[...planned].filter((key) => key.startsWith(prefix))])].sort();
    },
  };
}

function keysOf(plan: Plan): string[] {
  const jobs = [...stageJobs(plan, 'craft'), ...stageJobs(plan, 'evaluate')];
  const evaluations = jobs.filter((job): job is EvaluationJob => job.kind === 'craft' || job.kind === 'evaluate');
  return [
    ...plan.rankings.map(({ digest }) => rankingKey(digest)),
    ...evaluations.map((job) => evaluationKey(evaluationAddress(plan, job))),
  ];
}
