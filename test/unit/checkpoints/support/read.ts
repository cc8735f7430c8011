import { resolve } from 'node:path';
import { expect } from 'vitest';
import { readWeights } from '../../../../src/checkpoints/read-checkpoint.ts';
import { memorySource } from '../../../../src/checkpoints/source.ts';
import { CheckpointError } from '../../../../src/errors.ts';
import type { Tensor } from '../../../../src/numeric/tensor.ts';
import { pickle } from './pickles.ts';
import { type ZipRecord, zip } from './zip.ts';

/** Path of a checkpoint in test/fixtures/checkpoints. */
export function fixture(name: string): string {
  return resolve(import.meta.dirname, '../../../fixtures/checkpoints', name);
}

/** The four float32 values that `torchZip` stores under key 0. */
export const STORED = [1.5, -2, 0.25, 8];

/** A torch.save zip file with this object in data.pkl, and storage 0; further records replace those of the same name. */
export function torchZip(value: Uint8Array, further: readonly ZipRecord[] = []): Buffer {
  const records: ZipRecord[] = [
    { name: 'archive/data.pkl', data: pickle(value) },
    { name: 'archive/data/0', data: new Uint8Array(Float32Array.from(STORED).buffer) },
    { name: 'archive/version', data: Buffer.from('3\n') },
  ];
  const kept = records.filter(({ name }) => !further.some((record) => record.name === name));
  return zip([...kept, ...further]);
}

/** Reads weights from bytes in memory. */
export function read(bytes: Uint8Array, stateDict?: string): ReturnType<typeof readWeights> {
  return readWeights(memorySource(bytes), stateDict === undefined ? {} : { stateDict });
}

/** The error that reading throws: one line, a CheckpointError. */
export async function refusal(reading: Promise<unknown>): Promise<string> {
  const error = await reading.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(CheckpointError);
  const { message } = error as CheckpointError;
  expect(message).not.toMatch(/[\n\r]/);
  return message;
}

/** Elements as plain numbers, whatever their type. */
export function values(tensor: Tensor | undefined): (number | bigint)[] {
  return tensor === undefined ? [] : Array.from<number | bigint>(tensor.data);
}
