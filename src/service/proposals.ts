import { RankingError } from '../errors.ts';
import { stageJobs } from '../runs/planning/plan.ts';
import { loadRanking } from '../runs/planning/rankings.ts';
import { takeEvaluations } from '../runs/reuse/take-evaluations.ts';
import { rankingKey } from '../schemas/keys.ts';
import { UNDEFENDED } from '../schemas/variants.ts';
import type { ServiceContext } from './context.ts';
import { completeShards, doneInPart, doneJobs, missing } from './done-jobs.ts';
import type { LoadedRun } from './load-run.ts';
import { jobsOf, type Part, type PartJob, type Parts } from './parts.ts';
import { shareWithTwins, withoutTwins } from './share-evaluations.ts';

/** Rankings that no run has computed. What several runs of a sweep ask for is to be done once. */
export async function unranked(ctx: ServiceContext, { parts }: LoadedRun): Promise<number[]> {
  return withoutTwins(parts, 'rank', missing(await doneJobs(ctx, parts, 'rank')));
}

/**
 * What no run has done: evaluations that others have kept beside the rankings are taken before anything is submitted. `isReady`: of
 * all what can begin by now.
 */
export async function unevaluated(
  ctx: ServiceContext,
  { parts }: LoadedRun,
  stage: 'craft' | 'evaluate',
  isReady: (job: PartJob) => boolean = () => true,
): Promise<number[]> {
  await shareWithTwins(ctx, parts, stage);
  const jobs = jobsOf(parts, stage);
  const left = missing(await doneJobs(ctx, parts, stage)).filter((position) => isReady(jobs[position]!));
  const wanted = withoutTwins(parts, stage, left);
  for (const part of parts) {
    const own = wanted.flatMap((position) => (jobs[position]?.part === part ? [jobs[position].job] : []));
    await takeEvaluations({ plan: part.plan, runs: part.files, kept: ctx.rankings }, own);
  }
  const done = await doneJobs(ctx, parts, stage);
  return wanted.filter((position) => done[position] === false);
}

/**
 * Which jobs can begin once the stages before theirs have ended: those of parts whose rankings are there and sound, of shards whose
 * examples are there that are made once. What failed before costs what needs it, and nothing else.
 */
export async function readyJobs(
  ctx: ServiceContext,
  { parts }: LoadedRun,
  stage: 'craft' | 'evaluate',
): Promise<(job: PartJob) => boolean> {
  const [ranked, uncrafted] = [new Set<Part>(), new Map<Part, Set<number>>()];
  for (const part of parts) {
    if ((await rankingProblem(ctx, part)) === undefined) ranked.add(part);
    if (stage === 'evaluate') uncrafted.set(part, await shardsWithout(ctx, part, 'craft'));
  }
  return ({ part, job }) => ranked.has(part) && !('shard' in job && uncrafted.get(part)?.has(job.shard) === true);
}

/** Why a part cannot be evaluated: a ranking of it failed, or carries no class information at its number of units; undefined where it can. */
export async function rankingProblem({ rankings }: ServiceContext, { plan }: Part): Promise<string | undefined> {
  for (const { method, digest } of plan.rankings) {
    if (!(await rankings.has(rankingKey(digest)))) return `the ${method} ranking is not there`;
    try {
      await loadRanking({ plan, rankings }, method);
    } catch (error) {
      if (!(error instanceof RankingError)) throw error;
      return error.message;
    }
  }
  return undefined;
}

/** Shards of which a stage has left something undone; none where the part has no such stage. */
async function shardsWithout(ctx: ServiceContext, part: Part, stage: 'craft'): Promise<Set<number>> {
  const done = await doneInPart(ctx, part, stage);
  const left = stageJobs(part.plan, stage).filter((_, position) => done[position] !== true);
  return new Set(left.flatMap((job) => ('shard' in job ? [job.shard] : [])));
}

/** A defended variant, which evaluates each image twice as a rule: of what it takes the cost of all is told. */
export function dearestFirst(parts: Parts, positions: readonly number[]): number[] {
  const jobs = jobsOf(parts, 'evaluate');
  const isDefended = (position: number) => {
    const { job } = jobs[position] ?? {};
    return job?.kind === 'evaluate' && job.variant !== UNDEFENDED.id;
  };
  return positions.toSorted((a, b) => Number(isDefended(b)) - Number(isDefended(a)));
}

/** Transfer judges every variant on the examples of all: only shards that every variant is done with can be. */
export async function transferable(ctx: ServiceContext, { parts }: LoadedRun): Promise<number[]> {
  const complete = new Map<Part, Set<number>>();
  for (const part of parts) complete.set(part, completeShards(part.plan, await doneInPart(ctx, part, 'evaluate')));
  const jobs = jobsOf(parts, 'transfer');
  return missing(await doneJobs(ctx, parts, 'transfer')).filter((position) => {
    const { part, job } = jobs[position] ?? {};
    return part !== undefined && job?.kind === 'transfer' && complete.get(part)?.has(job.shard) === true;
  });
}

/** A sample is drawn of all that a variant's evaluation left: only variants that are done with every shard have one. */
export async function auditable(ctx: ServiceContext, { parts }: LoadedRun): Promise<number[]> {
  const incomplete = new Map<Part, Set<string>>();
  for (const part of parts) {
    const evaluated = await doneInPart(ctx, part, 'evaluate');
    const left = stageJobs(part.plan, 'evaluate').filter((_, position) => evaluated[position] !== true);
    incomplete.set(part, new Set(left.flatMap((job) => (job.kind === 'evaluate' ? [job.variant] : []))));
  }
  const jobs = jobsOf(parts, 'audit');
  return missing(await doneJobs(ctx, parts, 'audit')).filter((position) => {
    const { part, job } = jobs[position] ?? {};
    return part !== undefined && job?.kind === 'audit' && incomplete.get(part)?.has(job.variant) === false;
  });
}
