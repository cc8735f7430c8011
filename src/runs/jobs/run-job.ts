import type { Job } from '../planning/plan.ts';
import { isDone } from '../results.ts';
import { shareRankings } from '../sharing/shared-rankings.ts';
import { shiftShard, surfaceOf } from './analysis.ts';
import { auditShard } from './audit.ts';
import { craftShard } from './craft.ts';
import { evaluateShard, transferShard } from './evaluate.ts';
import type { JobProgress } from './executor.ts';
import type { JobContext } from './job-context.ts';
import { rankJob } from './rank.ts';

/**
 * Does one job and writes its result to the store; the same bodies run in a local worker and in a container. Whatever becomes of the
 * store meanwhile, all jobs of a run mask by the rankings that its first had. Throws ConfigError where the store has others.
 */
export async function runJob(context: JobContext, job: Job, progress: (state: JobProgress) => void): Promise<void> {
  const { plan, runs, rankings } = context;
  await shareRankings(plan, runs, rankings);
  if (job.kind === 'rank' && (await isDone(context, job))) return;
  await bodyOf(context, job, progress);
  if (job.kind === 'rank') await shareRankings(plan, runs, rankings);
}

function bodyOf(context: JobContext, job: Job, progress: (state: JobProgress) => void): Promise<void> {
  switch (job.kind) {
    case 'rank':
      return rankJob(context, job.method, progress);
    case 'craft':
      return craftShard(context, job, progress);
    case 'evaluate':
      return evaluateShard(context, job, progress);
    case 'transfer':
      return transferShard(context, job, progress);
    case 'audit':
      return auditShard(context, job, progress);
    case 'shift':
      return shiftShard(context, job, progress);
    case 'surface':
      return surfaceOf(context, job, progress);
  }
}
