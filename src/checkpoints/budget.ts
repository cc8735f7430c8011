import { CheckpointError } from '../contracts/errors.ts';

/** Reading float16 weights that are not contiguous holds the file, a reordered copy and float32 values: 4 bytes per byte. */
const BYTES_PER_FILE_BYTE = 8;
const ALWAYS_GRANTED = 32 * 2 ** 20;

/**
 * What one file may make us allocate. Sizes inside a checkpoint are claims: a few bytes can ask for terabytes (expanded
 * tensors, compressed or overlapping zip records), so every large allocation is charged here first.
 */
export class MemoryBudget {
  #left: number;

  /** `fileSize` in bytes. */
  constructor(fileSize: number) {
    this.#left = ALWAYS_GRANTED + BYTES_PER_FILE_BYTE * fileSize;
  }

  /** Takes `bytes` for `what`; throws CheckpointError once the file has asked for more than it can account for. */
  charge(bytes: number, what: string): void {
    this.#left -= bytes;
    if (this.#left >= 0) return;
    throw new CheckpointError(
      `${what} asks for ${bytes} bytes, far more than the file can hold: it is damaged or hostile`,
    );
  }
}
