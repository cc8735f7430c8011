import { parentPort, workerData } from 'node:worker_threads';
import { RunError } from '../contracts/errors.ts';
import type { JobProgress } from '../pipeline/job-progress.ts';
import { runJob } from '../pipeline/jobs.ts';
import { decodePlan, type Plan } from '../pipeline/plan.ts';
import { Workbench } from '../pipeline/workbench.ts';
import { localise } from '../stores/localise.ts';
import { openStore } from '../stores/open.ts';
import { toFailure, type WorkerReply, type WorkerStart, type WorkerTask } from './messages.ts';

/** Does the jobs it is sent, one at a time, and reports how they go. onnxruntime blocks this thread, never the main one. */
function serve(port: NonNullable<typeof parentPort>, setup: WorkerStart): void {
  const reply = (message: WorkerReply) => port.postMessage(message);
  const progress = (state: JobProgress) => {
    if (Atomics.load(setup.stop, 0) !== 0) throw new RunError('stopped');
    reply({ kind: 'progress', state });
  };
  const plan = decodePlan(new TextEncoder().encode(setup.plan), 'plan.json');
  let bench: Workbench | undefined;
  const work = async ({ job, threads }: WorkerTask) => {
    if (bench?.session.threads !== threads) bench = await openBench(plan, setup, threads);
    await runJob(bench, job, progress);
  };
  port.on('message', (task: WorkerTask) => {
    work(task).then(
      () => reply({ kind: 'done' }),
      (error: unknown) => reply(toFailure(error)),
    );
  });
}

async function openBench(plan: Plan, { runs, rankings }: WorkerStart, threads: number): Promise<Workbench> {
  return new Workbench({
    plan: { ...plan, config: await localise(plan.config) },
    runs: await openStore(runs),
    rankings: await openStore(rankings),
    session: { threads, device: plan.config.compute.device },
  });
}

if (parentPort !== null) serve(parentPort, workerData as WorkerStart);
