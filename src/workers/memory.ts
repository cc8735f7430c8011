import { availableMemory } from '../stores/free-memory.ts';

/** Attacks that ask for logits alone: their sessions are the forward one. */
const GRADIENT_FREE = new Set(['square', 'rays']);

/**
 * What one worker needs besides weights: V8, and the activations of a batch of 64 (0.5 GB for a CIFAR ResNet-18). In bytes.
 */
const BASE_BYTES = 0.7e9;

/**
 * Copies of the weights in one worker, rounded up from 1.8 and 2.3 beside the base on a WideResNet-70-16 (docs/performance.md): for
 * the checkpoint, its folded form and the forward session, and for each session with a gradient, whose adjoint convolutions have
 * weights of their own.
 */
const COPIES = { forward: 3, gradient: 3 } as const;

/** Part of the free memory that is given to workers: estimates are estimates. */
const USABLE_SHARE = 0.9;

/** What of a plan tells how much memory it takes. */
export interface MemoryNeeds {
  readonly inputs: { readonly checkpoint: { readonly bytes?: number | undefined } };
  readonly suite: readonly { readonly attack: string }[];
}

/** How many workers fit into memory. */
export interface MemoryLimit {
  readonly workers: number;
  /** Bytes that one is expected to need. */
  readonly bytesEach: number;
  /** Bytes that are free. */
  readonly free: number;
}

/** Workers that fit into the memory of this machine or container, `most` of them at most, and one at least. */
export function workersInMemory({ inputs, suite }: MemoryNeeds, most: number, free = availableMemory()): MemoryLimit {
  const losses = suite.filter(({ attack }) => !GRADIENT_FREE.has(attack)).length;
  const copies = COPIES.forward + COPIES.gradient * losses;
  const bytesEach = BASE_BYTES + copies * (inputs.checkpoint.bytes ?? 0);
  const fitting = Math.floor((USABLE_SHARE * free) / bytesEach);
  return { workers: Math.max(1, Math.min(most, fitting)), bytesEach, free };
}

/** "1 worker, for memory: each needs about 11.1 GB of the 16.0 GB that are free"; undefined where memory is no limit. */
export function describeMemoryLimit({ workers, bytesEach, free }: MemoryLimit, most: number): string | undefined {
  if (workers >= most) return undefined;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  return `${workers} of ${most} workers, for memory: each needs about ${gigabytes(bytesEach)} of the ${gigabytes(free)} that are free (--workers says otherwise)`;
}
