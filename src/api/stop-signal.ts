/**
 * Stops what takes long: an AbortSignal. Only what igd uses of it is named here, so that its types need neither Node's nor
 * the DOM's. What is stopped throws the signal's reason.
 */
export interface StopSignal {
  /** Whether to stop. */
  readonly aborted: boolean;
  /** What is thrown then. */
  readonly reason: unknown;
  /** Throws the reason where it is time to stop. */
  throwIfAborted(): void;
  /** Calls `listener` when it is time to stop. */
  addEventListener(type: 'abort', listener: () => void): void;
  /** Takes a listener away again. */
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** Runs `work` with an AbortSignal that follows `signal`, for code that waits for the event. */
export async function following<T>(
  signal: StopSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const stop = () => controller.abort(signal?.reason);
  if (signal?.aborted === true) stop();
  signal?.addEventListener('abort', stop);
  try {
    return await work(controller.signal);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
