import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MemoryBudget, memorySource } from '../../../src/checkpoints/source.ts';
import { openArchive } from '../../../src/checkpoints/torch/zip.ts';
import { CheckpointError } from '../../../src/errors.ts';
import { sizeOf } from '../../../src/numeric/tensor.ts';
import { mutate, seeded } from './support/mutate.ts';
import { fixture, read, torchZip } from './support/read.ts';

const file = (name: string) => readFileSync(fixture(name));
const ZIPS = ['tiny.pt', 'tiny.protocol4.pt', 'layouts.pt', 'dtypes.pt', 'module.pt', 'sub-block1.pt', 'training.pt'];
const LEGACY = [
  'tiny.legacy.pt',
  'tiny.legacy.protocol5.pt',
  'layouts.legacy.pt',
  'training.legacy.pt',
  'module.legacy.pt',
];

/** A header of two tensors, 128 bytes long with its padding, and their elements. */
const SAFETENSORS = Buffer.concat([
  Buffer.of(128, 0, 0, 0, 0, 0, 0, 0),
  Buffer.from(
    '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F16","shape":[2,1],"data_offsets":[8,12]}}'.padEnd(
      128,
    ),
  ),
  Buffer.alloc(12, 0x3c),
]);

/** Whatever the bytes, a read ends within a second in tensors that are what they say, or in one CheckpointError. */
async function expectOrderly(bytes: Uint8Array, label: string): Promise<'read' | 'refused'> {
  const started = process.cpuUsage();
  try {
    const { state } = await read(bytes);
    for (const [name, { dims, data }] of state) expect(data.length, `${label}, ${name}`).toBe(sizeOf(dims));
    return 'read';
  } catch (error) {
    expect(unexpected(error), label).toBeUndefined();
    return 'refused';
  } finally {
    expect(process.cpuUsage(started).user, label).toBeLessThan(1_000_000);
  }
}

/** What in a thrown error, or in its causes, is not meant to be thrown: mistakes of ours that a catch-all would hide. */
function unexpected(error: unknown): unknown {
  if (!(error instanceof CheckpointError) || /[\n\r]/.test(error.message)) return error;
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
    const fromZlib = 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
    if (!fromZlib && (cause instanceof TypeError || cause instanceof RangeError || cause instanceof ReferenceError))
      return cause;
  }
  return undefined;
}

/** Reads `count` mutants of the seeds; returns how many were still readable. */
async function fuzz(
  seeds: readonly Uint8Array[],
  count: number,
  seed: number,
  wrap = (bytes: Buffer) => bytes,
): Promise<number> {
  const random = seeded(seed);
  let readable = 0;
  for (let i = 0; i < count; i++) {
    const mutant = mutate(seeds[random(seeds.length)]!, random, seeds[random(seeds.length)]!);
    if ((await expectOrderly(wrap(mutant), `seed ${seed}, mutant ${i}`)) === 'read') readable++;
  }
  return readable;
}

/** The data.pkl records of the zip fixtures. */
function pickles(): Promise<Uint8Array[]> {
  return Promise.all(
    ZIPS.map(async (name) => {
      const bytes = file(name);
      const archive = await openArchive(memorySource(bytes), new MemoryBudget(bytes.length));
      return archive.read(archive.names.find((record) => record.endsWith('data.pkl'))!);
    }),
  );
}

describe('10,000 damaged files: no crash, no hang, no error but CheckpointError', () => {
  it('3,000 zip archives', async () => {
    expect(await fuzz(ZIPS.map(file), 3_000, 1)).toBeGreaterThan(100);
  });

  it('3,000 legacy files', async () => {
    expect(await fuzz(LEGACY.map(file), 3_000, 2)).toBeGreaterThan(100);
  });

  it('3,000 pickles in sound archives', async () => {
    const storages = Array.from({ length: 16 }, (_, key) => ({
      name: `archive/data/${key}`,
      data: Buffer.alloc(256, key),
    }));
    const readable = await fuzz(await pickles(), 3_000, 3, (data) =>
      torchZip(data, [{ name: 'archive/data.pkl', data }, ...storages]),
    );
    expect(readable).toBeGreaterThan(100);
  });

  it('1,000 safetensors files', async () => {
    expect((await read(SAFETENSORS)).state.size).toBe(2);
    expect(await fuzz([SAFETENSORS], 1_000, 4)).toBeGreaterThan(0);
  });
});

it('nothing that the pickles ask for was run', () => {
  expect(existsSync('PWNED-BY-PICKLE')).toBe(false);
});
