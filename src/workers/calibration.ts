import { Worker } from 'node:worker_threads';
import { RunError } from '../errors.ts';
import { PACKAGE_ROOT } from '../package-root.ts';
import type { CalibrationOptions } from '../runs/planning/calibrate.ts';
import type { ModelRates, Parallelism, Rates } from '../runs/planning/duration.ts';
import { encodePlan, type Plan } from '../runs/planning/plan.ts';
import { fromFailure, type WorkerReply } from './messages.ts';

export interface CalibrationSetup extends Pick<CalibrationOptions, 'seconds' | 'holdOut' | 'tail'> {
  /** Bytes of plan.json. */
  readonly plan: string;
  readonly threads: number;
}

export type CalibrationReply =
  | { readonly kind: 'rates'; readonly rates: Rates }
  | Extract<WorkerReply, { readonly kind: 'failed' }>;

/** Times a run's models in as many threads at once as the run would have workers: cores share caches and memory. */
export async function calibrateTogether(
  plan: Plan,
  parallelism: Parallelism,
  options: Pick<CalibrationSetup, 'seconds' | 'holdOut' | 'tail'>,
): Promise<Rates> {
  const setup: CalibrationSetup = { ...options, plan: encodePlan(plan), threads: parallelism.threads };
  return meanRates(await Promise.all(Array.from({ length: parallelism.workers }, () => calibrateInThread(setup))));
}

async function calibrateInThread(setup: CalibrationSetup): Promise<Rates> {
  const worker = new Worker(new URL('dist/calibration-thread.js', PACKAGE_ROOT), { workerData: setup });
  const reply = await new Promise<CalibrationReply>((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
    worker.once('exit', (code) => reject(new RunError(`a calibration thread stopped with code ${code}`)));
  }).finally(() => worker.terminate());
  if (reply.kind === 'failed') throw fromFailure(reply);
  return reply.rates;
}

/** Each rate's mean over the threads. */
function meanRates(all: readonly Rates[]): Rates {
  const [first] = all;
  if (first === undefined) throw new Error('there are no rates to take the mean of');
  const mean = (rate: (one: Rates) => number) => all.reduce((sum, one) => sum + rate(one), 0) / all.length;
  const models = Object.keys(first.models).map((key) => {
    const kind = key as keyof Rates['models'];
    const meanOf = (rate: (one: ModelRates) => number) => mean(({ models }) => rate(models[kind]!));
    const attacks = Object.keys(first.models[kind]!.attacks).map((name) => [name, meanOf((one) => one.attacks[name]!)]);
    return [
      kind,
      {
        open: { forward: meanOf(({ open }) => open.forward), attacks: meanOf(({ open }) => open.attacks) },
        forward: meanOf(({ forward }) => forward),
        attacks: Object.fromEntries(attacks),
      },
    ];
  });
  return {
    start: mean(({ start }) => start),
    correct: mean(({ correct }) => correct),
    tail: mean(({ tail }) => tail),
    models: Object.fromEntries(models),
  };
}
