import { STAGE_NAMES } from '../../src/contracts/service.ts';
import { runJob } from '../../src/pipeline/jobs.ts';
import type { Plan } from '../../src/pipeline/plan.ts';
import { stageJobs } from '../../src/pipeline/stages.ts';
import { Workbench } from '../../src/pipeline/workbench.ts';
import { localise } from '../../src/stores/localise.ts';
import { MemoryStore } from '../stores/memory-store.ts';

/** Everything the jobs of a plan leave behind, by key: the job bodies one after the other, without an engine. */
export async function resultsOf(plan: Plan): Promise<Map<string, Uint8Array>> {
  const store = new MemoryStore();
  const local = { ...plan, config: await localise(plan.config) };
  const session = { threads: 1, device: plan.config.compute.device };
  const bench = new Workbench({ plan: local, runs: store, rankings: store, session });
  for (const stage of STAGE_NAMES) for (const job of stageJobs(plan, stage)) await runJob(bench, job, () => undefined);
  await bench.release();
  const results = new Map<string, Uint8Array>();
  for (const key of await store.list('')) results.set(key, (await store.get(key)) ?? new Uint8Array());
  return results;
}
