import { type IgdError, InputError, messageOf, RunError, TransientError } from '../errors.ts';
import { isDiskFull } from './disk-full.ts';

const GOES_ON = 'then start the same command again: it goes on from what is done';

/** What a person does about it, by what the system calls it. */
const WAYS_OUT: Readonly<Record<string, string>> = {
  ENOSPC: `the disk is full: make room, ${GOES_ON}`,
  EDQUOT: `the quota of this disk is used up: make room, ${GOES_ON}`,
  EIO: `the disk fails: give another place, or ${GOES_ON}`,
  ESTALE: `the shared folder was mounted anew: ${GOES_ON.replace('then ', '')}`,
};

/** Where nothing can ever be written, which is known before any work. */
const FORBIDDEN: Readonly<Record<string, string>> = {
  EACCES: 'permission denied: make the folder writable, or give another place',
  EPERM: 'permission denied: make the folder writable, or give another place',
  EROFS: 'the file system is read-only: give another place',
  ELOOP: 'a link leads back to itself: give another place',
  ENAMETOOLONG: 'the name is too long for the file system: give another',
};

/** The error of a file that could not be written: InputError where the place is wrong, RunError where it is in trouble, TransientError for want of room. */
export function writeError(path: string, cause: unknown): IgdError {
  if (cause instanceof InputError) return cause;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const forbidden = FORBIDDEN[code];
  if (forbidden !== undefined) return new InputError(`cannot write ${path}: ${forbidden}`, { cause });
  const Kind = isDiskFull(cause) ? TransientError : RunError;
  return new Kind(`cannot write ${path}: ${WAYS_OUT[code] ?? messageOf(cause)}`, { cause });
}
