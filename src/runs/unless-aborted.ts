/**
 * What `work` comes to, or the signal's reason as soon as it is aborted: for what waits for files and buckets, which may never answer.
 * Work under way is left to itself, so it must be such that nothing hangs on its end.
 */
export function unlessAborted<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason);
    const stop = () => reject(signal?.reason);
    signal?.addEventListener('abort', stop);
    work()
      .then(resolve, reject)
      .finally(() => signal?.removeEventListener('abort', stop));
  });
}
