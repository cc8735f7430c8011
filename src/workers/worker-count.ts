import { InputError } from '../errors.ts';
import type { Device } from '../schemas/config.ts';
import { describeMemoryLimit, type MemoryNeeds, workersInMemory } from './memory.ts';

/**
 * Worker threads that help, by device. A GPU is kept busy by two, of which one steps while the other computes; onnxruntime 1.30's
 * WebGPU provider ends the process where two threads have a session each ("Command encoding already finished", microsoft/onnxruntime#32561).
 */
const MOST_WORKERS: Readonly<Record<Device, number>> = { cpu: Number.POSITIVE_INFINITY, cuda: 2, webgpu: 1 };

/** What of a plan tells how many workers there may be. */
interface WorkerNeeds extends MemoryNeeds {
  readonly config: { readonly compute: { readonly device: Device } };
}

export interface WorkerCount {
  readonly workers: number;
  /** Why there are no more, where that is the machine's doing. */
  readonly limit: string | undefined;
}

/** Throws InputError where more workers are asked for than the device bears. */
export function requireWorkers(device: Device, wanted: number | undefined): void {
  if (device !== 'webgpu' || wanted === undefined || wanted === 1) return;
  throw new InputError(
    `${wanted} workers were asked for, and WebGPU computes in one thread of a process: leave --workers out, or give 1`,
  );
}

/**
 * Jobs that a container has in hand at once. A Fargate task is paid by the core and splits a job's convolutions over them; a card is
 * paid by the hour, and would wait for half of it while one job steps.
 */
export function jobsAtOnce(device: Device): number {
  return device === 'cpu' ? 1 : MOST_WORKERS[device];
}

/** How many workers do the jobs of a plan: as many as were asked for, or one a core, as many as the device takes and memory holds. */
export function workerCount(plan: WorkerNeeds, cores: number, wanted: number | undefined): WorkerCount {
  const { device } = plan.config.compute;
  requireWorkers(device, wanted);
  if (wanted !== undefined) return { workers: wanted, limit: undefined };
  const most = Math.min(cores, MOST_WORKERS[device]);
  const memory = workersInMemory(plan, most);
  return { workers: memory.workers, limit: describeMemoryLimit(memory, most) };
}
