import { plannedRanking } from '../runs/planning/plan.ts';
import { readAll } from '../runs/results.ts';
import { type EvaluationJob, evaluationAddress } from '../runs/reuse/evaluation-address.ts';
import { filesInRun } from '../runs/reuse/evaluation-store.ts';
import type { StageName } from '../schemas/service.ts';
import type { ServiceContext } from './context.ts';
import { doneJobs } from './done-jobs.ts';
import { jobsOf, type PartJob, type Parts } from './parts.ts';

/** What a job finds, by all that it depends on: jobs of one address find the same. */
function addressOf({ part: { plan }, job }: PartJob): string | undefined {
  if (job.kind === 'rank') return plannedRanking(plan, job.method).digest;
  return isEvaluation(job) ? evaluationAddress(plan, job) : undefined;
}

function isEvaluation(job: PartJob['job']): job is EvaluationJob {
  return job.kind === 'evaluate' || job.kind === 'craft';
}

/** Of these jobs of a stage each that finds something else: the runs of a sweep ask for the same in part. */
export function withoutTwins(parts: Parts, stage: StageName, positions: readonly number[]): number[] {
  if (parts.length === 1) return [...positions];
  const jobs = jobsOf(parts, stage);
  const seen = new Set<string>();
  return positions.filter((position) => {
    const job = jobs[position];
    const address = job && addressOf(job);
    if (address === undefined) return true;
    const isNew = !seen.has(address);
    seen.add(address);
    return isNew;
  });
}

/** Gives each part what another part has evaluated, byte for byte; the record last, which says "done". */
export async function shareWithTwins(
  ctx: Pick<ServiceContext, 'rankings'>,
  parts: Parts,
  stage: 'craft' | 'evaluate',
): Promise<void> {
  if (parts.length === 1) return;
  const jobs = jobsOf(parts, stage);
  const done = await doneJobs(ctx, parts, stage);
  const owners = new Map<string, PartJob>();
  for (const [position, job] of jobs.entries()) {
    const address = done[position] === true ? addressOf(job) : undefined;
    if (address !== undefined) owners.set(address, job);
  }
  await readAll(
    jobs.filter((_, position) => done[position] !== true),
    async (twin) => {
      const owner = owners.get(addressOf(twin) ?? '');
      if (owner !== undefined) await copyEvaluation(owner, twin);
    },
  );
}

async function copyEvaluation(owner: PartJob, twin: PartJob): Promise<void> {
  if (!isEvaluation(owner.job) || !isEvaluation(twin.job)) return;
  const from = filesInRun(owner.job);
  for (const [part, to] of filesInRun(twin.job)) {
    const key = from.get(part);
    const bytes = key === undefined ? undefined : await owner.part.files.get(key);
    if (bytes !== undefined) await twin.part.files.put(to, bytes);
  }
}
