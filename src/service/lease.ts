import { encodeRecord } from '../schemas/parse-record.ts';
import { leaseSchema } from '../schemas/service.ts';
import type { Store } from '../stores/store.ts';

/** Whoever holds a lease is done, or dead, after this long: the longest a Lambda function can live. */
const TERM_MS = 15 * 60_000;

/** The end of a term in which nothing new is begun: a request under way then is answered before the next term. */
const MARGIN_MS = 60_000;

/** The right to do something until its term ends; the term after is somebody else's. */
export interface Lease {
  readonly until: number;
}

/** What is leased: begun at a time, by whoever holds the first term. */
export interface Leased {
  readonly begunAt: string;
  /** Where the holder of a later term signs. */
  readonly key: (term: number) => string;
}

/** The first term, for whoever begins. */
export function firstLease({ begunAt }: Pick<Leased, 'begunAt'>): Lease {
  return { until: Date.parse(begunAt) + TERM_MS };
}

/**
 * The term that runs now, for one of all who ask; undefined for the others, and while the first holder may still be at it.
 * So what a process left behind that died is taken over once, however many notice.
 */
export async function acquireExpiredLease(
  files: Store,
  { begunAt, key }: Leased,
  now: Date,
): Promise<Lease | undefined> {
  const begun = Date.parse(begunAt);
  const term = Math.floor((now.getTime() - begun) / TERM_MS);
  const lease = { until: begun + (term + 1) * TERM_MS };
  if (term < 1 || !isHeld(lease, now)) return undefined;
  const record = leaseSchema.parse({ schema: 'igd.lease/1', at: now.toISOString() });
  return (await files.putNew(key(term), encodeRecord(record))) ? lease : undefined;
}

/** Whether something new may be begun under a lease. */
export function isHeld({ until }: Lease, now: Date): boolean {
  return now.getTime() < until - MARGIN_MS;
}
