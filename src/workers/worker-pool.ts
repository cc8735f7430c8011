import { Worker } from 'node:worker_threads';
import { RunError } from '../errors.ts';
import { PACKAGE_ROOT } from '../package-root.ts';
import type { JobExecutor, JobListener } from '../runs/jobs/executor.ts';
import type { Job } from '../runs/planning/plan.ts';
import { prepareEnvironment } from '../runtime/environment.ts';
import { fromFailure, type WorkerReply, type WorkerSetup, type WorkerStart, type WorkerTask } from './messages.ts';

export interface WorkerPoolOptions extends WorkerSetup {
  /** Worker threads; each does one job at a time. */
  readonly workers: number;
  /** Cores to share among them. */
  readonly cores: number;
}

/** Runs jobs in worker threads of this process. Workers live for the whole run, so that their sessions are reused. */
export class WorkerPool implements JobExecutor {
  readonly #options: WorkerPoolOptions;
  readonly #workers: Worker[] = [];
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));
  readonly #running = new Set<Promise<void>>();

  constructor(options: WorkerPoolOptions) {
    prepareEnvironment();
    this.#options = options;
  }

  async run(jobs: readonly Job[], listener: JobListener): Promise<void> {
    const queue = [...jobs];
    const parallelism = Math.min(this.#options.workers, jobs.length);
    // Few jobs get the cores to themselves: a lone ranking runs on all of them.
    const threads = Math.max(1, Math.floor(this.#options.cores / Math.max(parallelism, 1)));
    while (this.#workers.length < parallelism) this.#workers.push(this.#spawn());
    const failed = new AbortController();
    const serve = async (worker: Worker) => {
      // A job that ends in the moment of stopping is not followed by another.
      const isOver = () => failed.signal.aborted || Atomics.load(this.#stop, 0) !== 0;
      for (let job = queue.shift(); job !== undefined && !isOver(); job = queue.shift()) {
        const running = this.#doWhereAllowed(worker, { job, threads }, listener, isOver);
        this.#running.add(running);
        await running.finally(() => this.#running.delete(running));
      }
    };
    const outcomes = this.#workers.slice(0, parallelism).map((worker) =>
      serve(worker).catch((error: unknown) => {
        failed.abort();
        throw error;
      }),
    );
    await Promise.all(outcomes);
    if (queue.length > 0) throw new RunError(`stopped with ${queue.length} jobs left: start again to do them`);
  }

  /** Jobs stop at their next step first: a thread that is ended inside onnxruntime takes the process down with it. */
  async close(): Promise<void> {
    Atomics.store(this.#stop, 0, 1);
    await Promise.allSettled(this.#running);
    await Promise.all(this.#workers.splice(0).map((worker) => worker.terminate()));
  }

  #spawn(): Worker {
    const { plan, runs, rankings, keep } = this.#options;
    const setup: WorkerStart = { plan, runs, rankings, keep, stop: this.#stop };
    return new Worker(new URL('dist/worker-thread.js', PACKAGE_ROOT), { workerData: setup });
  }

  async #doWhereAllowed(worker: Worker, task: WorkerTask, listener: JobListener, isOver: () => boolean): Promise<void> {
    if ((await listener.begin?.(task.job)) === false) return;
    try {
      if (!isOver()) await this.#do(worker, task, listener);
    } finally {
      await listener.ended?.(task.job);
    }
  }

  #do(worker: Worker, task: WorkerTask, listener: JobListener): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        worker.off('message', onMessage).off('error', onError).off('exit', onExit);
        finish();
      };
      const onError = (error: Error) => settle(() => reject(error));
      const onExit = (code: number) => settle(() => reject(new RunError(`a worker thread stopped with code ${code}`)));
      const onMessage = (reply: WorkerReply) => {
        if (reply.kind === 'progress') return listener.progress(task.job, reply.state);
        if (reply.kind === 'failed') return settle(() => reject(fromFailure(reply)));
        return settle(() => {
          listener.done(task.job);
          resolve();
        });
      };
      worker.on('message', onMessage).on('error', onError).on('exit', onExit);
      worker.postMessage(task);
    });
  }
}
