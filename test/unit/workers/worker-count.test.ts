import { describe, expect, it } from 'vitest';
import { InputError } from '../../../src/errors.ts';
import type { Device } from '../../../src/schemas/config.ts';
import { jobsAtOnce, workerCount } from '../../../src/workers/worker-count.ts';

const plan = (device: Device, bytes = 1e6) => ({
  config: { compute: { device } },
  inputs: { checkpoint: { bytes } },
  suite: [{ attack: 'apgd-ce' }],
});

describe('how many workers do a run', () => {
  it('is one a core on the CPU, two on a card, one on WebGPU', () => {
    expect(workerCount(plan('cpu'), 3, undefined).workers).toBe(3);
    expect(workerCount(plan('cuda'), 8, undefined).workers).toBe(2);
    expect(workerCount(plan('cuda'), 1, undefined).workers).toBe(1);
    expect(workerCount(plan('webgpu'), 8, undefined)).toEqual({ workers: 1, limit: undefined });
  });

  it('is what was asked for, but for WebGPU, which refuses more than one', () => {
    expect(workerCount(plan('cuda'), 8, 5).workers).toBe(5);
    expect(workerCount(plan('webgpu'), 8, 1).workers).toBe(1);
    expect(() => workerCount(plan('webgpu'), 8, 2)).toThrow(InputError);
    expect(() => workerCount(plan('webgpu'), 8, 2)).toThrow(/^2 workers .* leave --workers out, or give 1$/);
  });

  it('is fewer where memory is short, which is said', () => {
    const { workers, limit } = workerCount(plan('cpu', 1e15), 8, undefined);
    expect(workers).toBe(1);
    expect(limit).toMatch(/^1 of 8 workers, for memory: each needs about /);
  });
});

describe('how many jobs a container is given at once', () => {
  it('is one a vCPU once there are shards enough for the workers of all CPU tasks', () => {
    expect([1, 63, 64, 10_000].map((jobs) => jobsAtOnce('cpu', jobs))).toEqual([1, 1, 4, 4]);
    expect(jobsAtOnce('cuda', 1)).toBe(2);
  });
});
