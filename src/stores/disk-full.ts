import { hasCode } from '../errors.ts';

/** Whether a write failed for want of room, which others on this machine may free. */
export function isDiskFull(error: unknown): boolean {
  return hasCode(error, 'ENOSPC') || hasCode(error, 'EDQUOT');
}
