import { freemem } from 'node:os';

/** Free memory in bytes; in a container, no more than it may use. */
export function availableMemory(): number {
  const limit = process.constrainedMemory();
  // Without a limit Node 20 gives 0, undefined or 2^64.
  return limit > 0 && limit < 2 ** 53 ? Math.min(limit, freemem()) : freemem();
}
