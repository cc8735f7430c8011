import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Device } from '../../src/schemas/config.ts';
import { type Attacked, type AttackOptions, attack } from './measure.ts';
import { modelOn, type Subject, subjectIn } from './subject.ts';

export interface Setup {
  readonly folder: string | undefined;
  readonly width: number;
  readonly images: number;
  readonly device: Device;
}

/** Two threads with sessions of their own, as a run on CUDA has: one steps while the other computes. */
export async function attackByTwo(entry: URL, setup: Setup, batch: number, iterations: number): Promise<Attacked> {
  const halves = [Math.ceil(setup.images / 2), Math.floor(setup.images / 2)];
  const workers = halves.map((count, half) => {
    const options: AttackOptions = { first: half * halves[0]!, count, batch, iterations };
    return threadOf(entry, { setup, options });
  });
  try {
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    const start = performance.now();
    const done = workers.map(async (worker): Promise<Attacked> => {
      worker.postMessage('go');
      return (await once(worker, 'message'))[0];
    });
    const parts = await Promise.all(done);
    return {
      images: setup.images,
      milliseconds: performance.now() - start,
      runtimeMilliseconds: parts.reduce((sum, { runtimeMilliseconds }) => sum + runtimeMilliseconds, 0),
      steps: iterations + 1,
    };
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** From the bundle, or by tsx, which Node 20's threads do not inherit. */
function threadOf(entry: URL, workerData: object): Worker {
  if (!entry.pathname.endsWith('.ts')) return new Worker(entry, { workerData });
  const load = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(entry.href)}); });`;
  return new Worker(load, { eval: true, workerData });
}

/** Opens its model, warms it up on its batch, says so, and attacks when it is told. */
async function work(port: NonNullable<typeof parentPort>, setup: Setup, options: AttackOptions): Promise<void> {
  const subject: Subject = await subjectIn(setup.folder, setup.width, setup.images);
  const model = modelOn(subject, setup.device);
  await attack(model, subject, { ...options, iterations: 1 });
  port.postMessage('ready');
  await once(port, 'message');
  port.postMessage(await attack(model, subject, options));
  await model.release();
}

/** Whether this thread is one of the two; then it does its part. */
export function isOneOfTwo(): boolean {
  if (isMainThread || parentPort === null) return false;
  void work(parentPort, workerData.setup, workerData.options);
  return true;
}
