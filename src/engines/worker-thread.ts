import { parentPort, workerData } from 'node:worker_threads';
import { RunError } from '../contracts/errors.ts';
import type { JobProgress } from '../pipeline/jobs.ts';
import { runJob } from '../pipeline/jobs.ts';
import { decodePlan } from '../pipeline/plan.ts';
import { Workbench } from '../pipeline/workbench.ts';
import { FileStore } from '../stores/file-store.ts';
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
  port.on('message', ({ job, threads }: WorkerTask) => {
    if (bench?.session.threads !== threads) {
      const stores = { runs: new FileStore(setup.runs), rankings: new FileStore(setup.rankings) };
      bench = new Workbench({ plan, ...stores, session: { threads } });
    }
    runJob(bench, job, progress).then(
      () => reply({ kind: 'done' }),
      (error: unknown) => reply(toFailure(error)),
    );
  });
}

if (parentPort !== null) serve(parentPort, workerData as WorkerStart);
