import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { JobLeases } from '../../../../src/runs/sharing/leases.ts';
import { RunProcesses } from '../../../../src/runs/sharing/processes.ts';
import { runKeys } from '../../../../src/schemas/keys.ts';
import { encodeRecord } from '../../../../src/schemas/parse-record.ts';
import { MemoryStore } from '../../../../src/stores/memory-store.ts';
import type { Store } from '../../../../src/stores/store.ts';

const TERM = 60;
const JOB = 'shards/none/00003.json';

async function joined(store: Store) {
  const processes = new RunProcesses(store, 'plan', { beatMs: 10, termMs: TERM });
  await processes.join();
  return { processes, leases: new JobLeases(store, processes) };
}

/** Of a machine that this one cannot look into. */
const elsewhere = (beat: number) =>
  encodeRecord({ schema: 'igd.process/1', plan: 'plan', machine: 'far away', pid: process.pid, beat });

/** A job in the hands of a process on another machine. */
async function taken(): Promise<Store> {
  const store = new MemoryStore();
  await store.put(runKeys.process('other'), elsewhere(0));
  await store.put(runKeys.lease(JOB, 1), encodeRecord({ schema: 'igd.job-lease/1', holder: 'other' }));
  return store;
}

describe('the lease of a job', () => {
  test('is had by one of many who ask, and by another once it is given back', async () => {
    const store = new MemoryStore();
    const all = await Promise.all(Array.from({ length: 5 }, () => joined(store)));
    const won = await Promise.all(all.map(({ leases }) => leases.claim(JOB)));
    expect(won.filter((one) => one)).toHaveLength(1);
    const winner = all[won.indexOf(true)]!;
    const other = all[won.indexOf(false)]!;
    expect(await other.leases.claim(JOB)).toBe(false);
    expect([...(await other.leases.free([JOB, 'shards/none/00004.json']))]).toEqual(['shards/none/00004.json']);
    await winner.leases.release(JOB);
    expect(await other.leases.claim(JOB)).toBe(true);
    for (const { leases, processes } of all) {
      await leases.releaseAll();
      await processes.leave();
    }
    expect(await store.list('')).toEqual([]);
  });

  test('stays with a holder that says it lives, however long that is', async () => {
    const store = await taken();
    const { leases, processes } = await joined(store);
    for (let beat = 1; beat < 8; beat++) {
      expect(await leases.claim(JOB)).toBe(false);
      await delay(TERM / 3);
      await store.put(runKeys.process('other'), elsewhere(beat));
    }
    expect(await leases.claim(JOB)).toBe(false);
    await processes.leave();
  });

  test('is taken over by one of all who see its holder silent for a term, and by nobody before', async () => {
    const store = await taken();
    const all = await Promise.all(Array.from({ length: 3 }, () => joined(store)));
    const claims = () => Promise.all(all.map(({ leases }) => leases.claim(JOB)));
    expect(await claims()).toEqual([false, false, false]);
    await delay(TERM + 20);
    expect((await claims()).filter((won) => won)).toHaveLength(1);
    expect((await claims()).filter((won) => won)).toHaveLength(0);
    for (const { processes } of all) await processes.leave();
  });

  test('ends with the record of its holder', async () => {
    const store = await taken();
    await store.remove(runKeys.process('other'));
    const { leases, processes } = await joined(store);
    expect(await leases.claim(JOB)).toBe(true);
    expect(await store.has(runKeys.lease(JOB, 2))).toBe(true);
    await processes.leave();
  });
});

test('a process of this machine that is no more is known for dead at once', async () => {
  const store = new MemoryStore();
  const { processes } = await joined(store);
  const bytes = await store.get(runKeys.process(processes.id));
  const record = JSON.parse(new TextDecoder().decode(bytes));
  // Beyond the largest pid that Linux gives.
  await store.put(runKeys.process('gone'), encodeRecord({ ...record, pid: 2 ** 22 + 1 }));
  await store.put(runKeys.process('here'), encodeRecord(record));
  expect(await processes.isAlive('gone')).toBe(false);
  expect(await processes.isAlive('here')).toBe(true);
  expect(await processes.others()).toHaveLength(1);
  await processes.leave();
});
