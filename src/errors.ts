/**
 * Every error igd raises on purpose. A message says what was wrong, where, and what to do about it; the command line
 * prints it alone, without a stack trace, and exits with `exitCode`.
 */
export abstract class IgdError extends Error {
  /** What the command line ends with: 2 for bad input, 1 where the work failed. */
  abstract readonly exitCode: 1 | 2;

  constructor(message: string, options?: { cause?: unknown }) {
    super(printable(message), options);
    this.name = new.target.name;
  }
}

/** What the user gave cannot be used as it is: exit code 2, and nothing was written. */
export class InputError extends IgdError {
  /** Bad input. */
  readonly exitCode = 2;
}

/** A run config that does not fit the schema, or contradicts itself. */
export class ConfigError extends InputError {}

/** A checkpoint that cannot be read, is of no known architecture, or lacks a weight. */
export class CheckpointError extends InputError {}

/** A dataset file that cannot be read or does not hold what its format promises. */
export class DatasetError extends InputError {}

/** An ONNX graph that is malformed or uses what igd cannot transform; names the op and the node. */
export class GraphError extends InputError {}

/**
 * A model that does not compute what it says: its answers depend on its neighbours or on who computes it, its gradient is not
 * that of its loss, its outputs are no logits, or the statistics of its BatchNorms contradict how it is read.
 */
export class ModelError extends InputError {}

/** A ranking that cannot be read, does not fit the model, or carries no class information. */
export class RankingError extends InputError {}

/** Good input, but the work failed: a device, the disk, the network. Exit code 1. */
export class RunError extends IgdError {
  /** The work failed. */
  readonly exitCode = 1;
}

/** The work failed for a reason that passes by itself: a network, a service that was busy for long. Another time it may go well. */
export class TransientError extends RunError {}

/**
 * Text from a file or a service as it may be shown: without control characters, which would let a hostile name repaint
 * the terminal, and without those that turn the direction of text. Line breaks and tabs stay.
 */
export function printable(text: string): string {
  return text.replaceAll(/(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu, '');
}

/** Whether the system calls it by this code, as ENOENT. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
