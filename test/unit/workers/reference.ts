import { JobContext } from '../../../src/runs/jobs/job-context.ts';
import { runJob } from '../../../src/runs/jobs/run-job.ts';
import { type Plan, stageJobs, stagesOf } from '../../../src/runs/planning/plan.ts';
import { onnxRuntime } from '../../../src/runtime/session.ts';
import { MemoryStore } from '../../../src/stores/memory-store.ts';
import { localise } from '../../../src/stores/open.ts';

/** Everything the jobs of a plan leave behind, by key: the job bodies one after the other, without an executor. */
export async function resultsOf(plan: Plan): Promise<Map<string, Uint8Array>> {
  const store = new MemoryStore();
  const local = { ...plan, config: (await localise(plan)).config };
  const runtime = onnxRuntime({ threads: 1, device: plan.config.compute.device });
  const context = new JobContext({ plan: local, runs: store, rankings: store, runtime });
  for (const stage of stagesOf(plan))
    for (const job of stageJobs(plan, stage)) await runJob(context, job, () => undefined);
  await context.release();
  const results = new Map<string, Uint8Array>();
  for (const key of await store.list('')) results.set(key, (await store.get(key)) ?? new Uint8Array());
  return results;
}
