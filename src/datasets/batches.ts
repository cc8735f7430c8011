import type { Dataset } from './dataset.ts';

/** Images first to first + count - 1 of a dataset, [count, C, H, W], and their labels. */
export interface Batch {
  readonly first: number;
  readonly count: number;
  readonly x: Float32Array;
  readonly labels: Int32Array;
}

/** The dataset from its first image to its last, `size` images at a time; the next batch is read while one is worked on. */
export async function* batchesOf(dataset: Dataset, size: number): AsyncGenerator<Batch> {
  const read = (first: number) => {
    const x = dataset.pixels(first, Math.min(size, dataset.count - first));
    // Whoever stops early never awaits it: its failure then is nobody's, and must not end the process.
    x.catch(() => {});
    return x;
  };
  let next: Promise<Float32Array> | undefined = read(0);
  for (let first = 0; next !== undefined; first += size) {
    const x: Float32Array = await next;
    const count = Math.min(size, dataset.count - first);
    next = first + count < dataset.count ? read(first + count) : undefined;
    yield { first, count, x, labels: dataset.labels.subarray(first, first + count) };
  }
}
