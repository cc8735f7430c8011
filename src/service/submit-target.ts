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
}

/** Jobs of an attempt are those of the revision it began with, whatever was deployed since; of an attempt that names none, the newest. */
export async function submitTarget(ctx: ServiceContext, { run, attempt, plan }: LoadedRun): Promise<SubmitTarget> {
  const { queues, jobDefinitions } = ctx.service;
  const kind = kindOf(plan);
  const claim = await claimOf(ctx, run, attempt);
  return { queue: queues[kind], jobDefinition: claim?.jobDefinition ?? jobDefinitions[kind] };
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
