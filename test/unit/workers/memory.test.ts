import { expect, it } from 'vitest';
import { describeMemoryLimit, workersInMemory } from '../../../src/workers/memory.ts';

const GB = 1e9;

const sized = (bytes: number | undefined) => ({
  inputs: { checkpoint: { bytes } },
  suite: ['apgd-ce', 'apgd-t', 'fab-t', 'square'].map((attack) => ({ attack })),
});

it('gives every core a worker where the model is small', () => {
  expect(workersInMemory(sized(45e6), 8, 64 * GB)).toMatchObject({ workers: 8 });
});

it('gives as many as hold the model, and says so', () => {
  const limit = workersInMemory(sized(1.07 * GB), 8, 64 * GB);
  expect(limit.workers).toBeGreaterThan(1);
  expect(limit.workers).toBeLessThan(8);
  expect(limit.workers * limit.bytesEach).toBeLessThan(64 * GB);
  expect(describeMemoryLimit(limit, 8)).toMatch(
    new RegExp(
      `^${limit.workers} of 8 workers, for memory: each needs about \\d+\\.\\d GB of the 64\\.0 GB that are free`,
    ),
  );
});

it('gives one at least, and is silent where memory is no limit', () => {
  const limit = workersInMemory(sized(1.07 * GB), 1, 2 * GB);
  expect(limit.workers).toBe(1);
  expect(describeMemoryLimit(limit, 1)).toBeUndefined();
});

it('plans of the first edition do not say how large the model is: their runs have a worker a core', () => {
  expect(workersInMemory(sized(undefined), 2, 4 * GB).workers).toBe(2);
});
