import { type Plan, stageJobs } from '../runs/planning/plan.ts';
import { resultKey } from '../runs/results.ts';
import { runKeys } from '../schemas/keys.ts';
import type { StageName } from '../schemas/service.ts';
import type { ServiceContext } from './context.ts';
import type { Part, Parts } from './parts.ts';

type Rankings = Pick<ServiceContext, 'rankings'>;

/** Which of a stage's jobs are done, by their position. Lists results, so that 10,000 jobs take ten requests or so. */
export async function doneJobs(ctx: Rankings, parts: Parts, stage: StageName): Promise<boolean[]> {
  return (await Promise.all(parts.map((part) => doneInPart(ctx, part, stage)))).flat();
}

/** The same of one part, by the position in its own list. */
export async function doneInPart(
  { rankings }: Rankings,
  { plan, files }: Pick<Part, 'plan' | 'files'>,
  stage: StageName,
): Promise<boolean[]> {
  const keys = stageJobs(plan, stage).map((job) => resultKey(plan, job));
  if (stage === 'rank') return Promise.all(keys.map((key) => rankings.has(key)));
  const there = new Set(await files.list(runKeys.results(stage)));
  return keys.map((key) => there.has(key));
}

/** Positions of what is false. */
export function missing(done: readonly boolean[]): number[] {
  return done.flatMap((isDone, position) => (isDone ? [] : [position]));
}

/** The shards that every variant is done with, in evaluation and, where it is given, in transfer: the lists run alike. */
export function completeShards(plan: Plan, ...stages: readonly (readonly boolean[])[]): Set<number> {
  const complete = new Set(plan.shards.keys());
  for (const [position, job] of stageJobs(plan, 'evaluate').entries()) {
    const isDone = stages.every((done) => done[position] === true);
    if (!isDone && job.kind === 'evaluate') complete.delete(job.shard);
  }
  return complete;
}
