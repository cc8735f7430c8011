import { CheckpointError } from '../../contracts/errors.ts';
import { quote } from '../messages.ts';
import type { PickleValue, TensorRef } from '../pickle/values.ts';

/** What a file that torch.save wrote holds: the object it was given, and the way to its storages. */
export interface TorchFile {
  readonly root: PickleValue;
  readonly readStorage: ReadStorage;
  /** What was odd in what has been read so far. */
  notes(): readonly string[];
}

/** All bytes of the storage of the tensor `name`, little endian. Throws CheckpointError where it is missing. */
export type ReadStorage = (ref: TensorRef, name: string) => Promise<Uint8Array>;

/** The pickle of a checkpoint describes its tensors, some 100 bytes each; a larger one is no checkpoint's. */
export const LARGEST_PICKLE = 2 ** 26;

/** A ResNet has hundreds of storages; a limit, for a file could list millions that take minutes to walk through. */
export const MOST_STORAGES = 8_000;

export function missingStorage(name: string, storage: string): CheckpointError {
  return new CheckpointError(
    `has no storage ${quote(storage)} for ${quote(name)}: the file is incomplete; fetch it again`,
  );
}

export function tooManyStorages(count: number): CheckpointError {
  return new CheckpointError(`has ${count} storages, more than any checkpoint: it is damaged or hostile`);
}
