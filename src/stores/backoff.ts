/**
 * Milliseconds to wait after so many tries, twice as long each time. With jitter, so that those that were refused together do
 * not come back together.
 */
export function backoffMs(tries: number, firstMs: number): number {
  return firstMs * 2 ** (tries - 1) * (0.5 + Math.random() / 2);
}
