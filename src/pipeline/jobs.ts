import { evaluateShard } from './evaluate-job.ts';
import type { JobProgress } from './job-progress.ts';
import type { Job } from './plan.ts';
import { rankUnits } from './rank-job.ts';
import { shiftShard } from './shift-job.ts';
import { surfaceOf } from './surface-job.ts';
import { transferShard } from './transfer-job.ts';
import type { Workbench } from './workbench.ts';

/** Does one job and writes its result to the store; the same bodies run in a local worker and in a container. */
export function runJob(bench: Workbench, job: Job, progress: (state: JobProgress) => void): Promise<void> {
  switch (job.kind) {
    case 'rank':
      return rankUnits(bench, job.method, progress);
    case 'evaluate':
      return evaluateShard(bench, job, progress);
    case 'transfer':
      return transferShard(bench, job, progress);
    case 'shift':
      return shiftShard(bench, job, progress);
    case 'surface':
      return surfaceOf(bench, job, progress);
  }
}
