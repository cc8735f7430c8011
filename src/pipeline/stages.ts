import type { StageName } from '../contracts/service.ts';
import { evaluateJobs, type Job, type Plan, type RunJob, transferJobs } from './plan.ts';

const JOBS_OF: Readonly<Record<StageName, (plan: Plan) => RunJob[]>> = {
  rank: (plan) => plan.rankings.map(({ method }) => ({ kind: 'rank', method })),
  evaluate: evaluateJobs,
  transfer: transferJobs,
};

/** The jobs of a stage. Each stage reads what the one before it left in the stores; its jobs are independent of each other. */
export function stageJobs(plan: Plan, stage: StageName): RunJob[] {
  return JOBS_OF[stage](plan);
}

/** A job in a reader's words, e.g. "conf@0.8 shard 3". */
export function jobLabel(job: Job): string {
  switch (job.kind) {
    case 'rank':
      return `${job.method} ranking`;
    case 'shift':
      return `shift shard ${job.shard}`;
    case 'surface':
      return `${job.variant} surface of image ${job.image}`;
    default:
      return `${job.variant} shard ${job.shard}`;
  }
}
