import { createHash } from 'node:crypto';
import type { Plan } from '../runs/planning/plan.ts';
import { NUMERICS } from '../schemas/numerics.ts';
import type { Claim } from '../schemas/service.ts';
import type { ServiceContext } from './context.ts';
import type { LoadedRun } from './load-run.ts';
import { claimOf } from './run-index.ts';

/** Where jobs of a run go, and what they are. */
export interface SubmitTarget {
  readonly queue: string;
  readonly jobDefinition: string;
  /** Whose share of the machines they take: a run's; undefined where the queue keeps none. */
  readonly share: string | undefined;
}

/** Jobs of an attempt are those of the revision it began with, whatever was deployed since; of an attempt that names none, the newest. */
export async function submitTarget(ctx: ServiceContext, { run, attempt, parts }: LoadedRun): Promise<SubmitTarget> {
  const { queues, jobDefinitions, fairShare } = ctx.service;
  const [{ plan }] = parts;
  const kind = kindOf(plan);
  const claim = await claimOf(ctx, run, attempt);
  return {
    queue: queues[kind],
    jobDefinition: claim?.jobDefinition ?? jobDefinitions[kind],
    share: fairShare ? shareOf(run) : undefined,
  };
}

/** Batch takes 255 letters and digits: what fits of the run's name, which is cut and has its signs left out, and its digest. */
function shareOf(run: string): string {
  const digest = createHash('sha256').update(run).digest('hex').slice(0, 16);
  return `${run.replaceAll(/[^A-Za-z0-9]/g, '').slice(0, 80)}${digest}`;
}

/** The revision that an attempt begins with: the newest there is. Throws RunError where there is none, or AWS refuses. */
export function newestJobDefinition({ queue, service }: ServiceContext, plan: Plan): Promise<string> {
  return queue.newestRevision(service.jobDefinitions[kindOf(plan)]);
}

/**
 * The revision that another attempt begins with: the newest, which may have mended what the one before failed of; where that computes other
 * numerics than the plan's, the one of the attempt before, since a report never mixes two.
 */
export function jobDefinitionOfRetry(ctx: ServiceContext, plan: Plan, before: Claim | undefined): Promise<string> {
  const kept = (plan.numerics ?? 1) === NUMERICS ? undefined : before?.jobDefinition;
  return kept === undefined ? newestJobDefinition(ctx, plan) : Promise.resolve(kept);
}

/** Every device but the CPU is a GPU's. */
function kindOf({ config }: Plan): 'cpu' | 'gpu' {
  return config.compute.device === 'cpu' ? 'cpu' : 'gpu';
}
