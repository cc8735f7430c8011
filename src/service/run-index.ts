import { InputError } from '../errors.ts';
import { encodeRecord, readRecord } from '../schemas/parse-record.ts';
import {
  type Claim,
  claimSchema,
  notifiedSchema,
  type Outcome,
  outcomeSchema,
  serviceKeys,
} from '../schemas/service.ts';
import type { ServiceContext } from './context.ts';

/** A run as the index knows it. */
export interface IndexedRun {
  readonly run: string;
  /** The newest attempt. */
  readonly attempt: number;
  /** Whether that attempt has ended. */
  readonly ended: boolean;
  /** Whether all that follows its end is done, too. */
  readonly settled: boolean;
}

/** Every run there is, by name. Takes one request a thousand attempts, and reads none of them. */
export async function indexedRuns({ runs }: Pick<ServiceContext, 'runs'>): Promise<IndexedRun[]> {
  return byRun(await runs.list(serviceKeys.index));
}

/** Throws InputError where there is no such run. */
export async function indexedRun({ runs }: Pick<ServiceContext, 'runs'>, run: string): Promise<IndexedRun> {
  const [indexed] = byRun(await runs.list(`${serviceKeys.index}${run}/`));
  if (indexed === undefined) throw new InputError(`there is no run "${run}": "igd list" names those there are`);
  return indexed;
}

/** Starts an attempt; false where somebody else has. */
export function claimAttempt({ runs }: ServiceContext, run: string, attempt: number, claim: Claim): Promise<boolean> {
  return runs.putNew(serviceKeys.claim(run, attempt), encodeRecord(claimSchema.parse(claim)));
}

/** Ends an attempt; false where somebody else has. */
export function endAttempt({ runs }: ServiceContext, run: string, attempt: number, outcome: Outcome): Promise<boolean> {
  return runs.putNew(serviceKeys.outcome(run, attempt), encodeRecord(outcomeSchema.parse(outcome)));
}

export function claimOf({ runs }: ServiceContext, run: string, attempt: number): Promise<Claim | undefined> {
  return readRecord(runs, serviceKeys.claim(run, attempt), claimSchema);
}

export function outcomeOf({ runs }: ServiceContext, run: string, attempt: number): Promise<Outcome | undefined> {
  return readRecord(runs, serviceKeys.outcome(run, attempt), outcomeSchema);
}

/** Whether an attempt has ended; asked of the bucket anew. */
export function hasOutcome({ runs }: ServiceContext, run: string, attempt: number): Promise<boolean> {
  return runs.has(serviceKeys.outcome(run, attempt));
}

/** Notes that all that follows the end of an attempt is done. */
export async function markNotified({ runs, now }: ServiceContext, run: string, attempt: number): Promise<void> {
  const record = notifiedSchema.parse({ schema: 'igd.settled/1', at: now().toISOString() });
  await runs.putNew(serviceKeys.settled(run, attempt), encodeRecord(record));
}

/** A run's newest attempt counts, and what is beside its claim. Where old keys expire, they do not all at once. */
function byRun(keys: readonly string[]): IndexedRun[] {
  const found = new Map<string, IndexedRun>();
  for (const key of keys) {
    const [, run, number, what] = /([^/]+)\/(\d{3})(\.outcome|\.settled)?\.json$/.exec(key) ?? [];
    if (run === undefined) continue;
    const attempt = Number(number);
    const before = found.get(run);
    if (before !== undefined && attempt < before.attempt) continue;
    const { ended, settled } = before?.attempt === attempt ? before : { ended: false, settled: false };
    found.set(run, { run, attempt, ended: ended || what !== undefined, settled: settled || what === '.settled' });
  }
  return [...found.values()];
}
