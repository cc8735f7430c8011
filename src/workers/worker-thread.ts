import { parentPort, workerData } from 'node:worker_threads';
import { RunError } from '../errors.ts';
import type { JobProgress } from '../runs/jobs/executor.ts';
import { JobContext } from '../runs/jobs/job-context.ts';
import { runJob } from '../runs/jobs/run-job.ts';
import { decodePlan, type Plan } from '../runs/planning/plan.ts';
import { onnxRuntime } from '../runtime/session.ts';
import { localise, openStore } from '../stores/open.ts';
import { toFailure, type WorkerReply, type WorkerStart, type WorkerTask } from './messages.ts';

/** Does the jobs it is sent, one at a time, and reports how they go. onnxruntime blocks this thread, never the main one. */
function serve(port: NonNullable<typeof parentPort>, setup: WorkerStart): void {
  const reply = (message: WorkerReply) => port.postMessage(message);
  const progress = (state: JobProgress) => {
    if (Atomics.load(setup.stop, 0) !== 0) throw new RunError('stopped');
    reply({ kind: 'progress', state });
  };
  const plan = decodePlan(new TextEncoder().encode(setup.plan), 'plan.json');
  let context: JobContext | undefined;
  let threadsOfContext = 0;
  const work = async ({ job, threads }: WorkerTask) => {
    if (context === undefined || threadsOfContext !== threads) context = await openContext(plan, setup, threads);
    threadsOfContext = threads;
    await runJob(context, job, progress);
  };
  port.on('message', (task: WorkerTask) => {
    work(task).then(
      () => reply({ kind: 'done' }),
      (error: unknown) => reply(toFailure(error)),
    );
  });
}

async function openContext(plan: Plan, { runs, rankings, keep }: WorkerStart, threads: number): Promise<JobContext> {
  return new JobContext({
    plan: { ...plan, config: (await localise(plan)).config },
    runs: await openStore(runs),
    rankings: await openStore(rankings),
    runtime: onnxRuntime({ threads, device: plan.config.compute.device }),
    keep,
  });
}

if (parentPort !== null) serve(parentPort, workerData as WorkerStart);
