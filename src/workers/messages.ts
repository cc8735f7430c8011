import { IgdError, InputError, messageOf, RunError, TransientError } from '../errors.ts';
import type { JobProgress } from '../runs/jobs/executor.ts';
import type { Job } from '../runs/planning/plan.ts';
import type { StoreSpec } from '../stores/open.ts';

/** What the main thread and its workers say to each other. */

export interface WorkerSetup {
  /** Bytes of plan.json. */
  readonly plan: string;
  readonly runs: StoreSpec;
  readonly rankings: StoreSpec;
  /** Whether what is found is kept for other runs, in the store of rankings. */
  readonly keep?: boolean | undefined;
}

export interface WorkerStart extends WorkerSetup {
  /** One number, shared: not zero once the worker is to stop at its next step. */
  readonly stop: Int32Array;
}

export interface WorkerTask {
  readonly job: Job;
  /** Threads onnxruntime may use for it. */
  readonly threads: number;
}

export type WorkerReply =
  | { readonly kind: 'progress'; readonly state: JobProgress }
  | { readonly kind: 'done' }
  | {
      readonly kind: 'failed';
      readonly message: string;
      readonly exitCode: 1 | 2;
      /** Whether another time it may go well. */
      readonly transient: boolean;
      readonly stack?: string | undefined;
    };

/** An error as it crosses the thread boundary; a bug keeps its stack. */
export function toFailure(error: unknown): WorkerReply {
  const transient = error instanceof TransientError;
  if (error instanceof IgdError) return { kind: 'failed', message: error.message, exitCode: error.exitCode, transient };
  return {
    kind: 'failed',
    message: messageOf(error),
    exitCode: 1,
    transient,
    stack: error instanceof Error ? error.stack : undefined,
  };
}

export function fromFailure({ message, exitCode, transient, stack }: Extract<WorkerReply, { kind: 'failed' }>): Error {
  if (stack !== undefined) return Object.assign(new Error(message), { stack });
  if (transient) return new TransientError(message);
  return exitCode === 2 ? new InputError(message) : new RunError(message);
}
