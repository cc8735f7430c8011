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

/** Of a Fargate task. */
export const CPU_TASK_VCPUS = 4;

/** CPU tasks that a stack computes at once, where its maxCpuVcpus is the default: 64. */
const CPU_TASKS_AT_ONCE = 16;

/**
 * Jobs a container is given to have in hand at once, of a stage of `jobs`. One-thread workers, one a vCPU, take 1.1 to 1.5 times less CPU for
 * the same work than one with four threads (measured with two): CPU tasks have them once there are shards enough for the workers of all.
 * Fewer are done sooner by a task each, whose worker takes every vCPU. A card is paid by the hour, and would wait for half of it while one job steps.
 */
export function jobsAtOnce(device: Device, jobs: number): number {
  if (device !== 'cpu') return MOST_WORKERS[device];
  return jobs >= CPU_TASKS_AT_ONCE * CPU_TASK_VCPUS ? CPU_TASK_VCPUS : 1;
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
