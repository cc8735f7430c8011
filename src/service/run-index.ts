import { InputError } from '../contracts/errors.ts';
import { type Claim, claimSchema, type Outcome, outcomeSchema, serviceKeys } from '../contracts/service.ts';
import type { ServiceContext } from './context.ts';
import { encodeRecord, readRecord } from './records.ts';

/** A run as the index knows it. */
export interface IndexedRun {
  readonly run: string;
  /** The newest attempt. */
  readonly attempt: number;
  /** Whether that attempt has ended. */
  readonly ended: boolean;
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

/** Keys are sorted, so a run's newest attempt comes last, its outcome after its claim. */
function byRun(keys: readonly string[]): IndexedRun[] {
  const found = new Map<string, IndexedRun>();
  for (const key of keys) {
    const [, run, number, outcome] = /([^/]+)\/(\d{3})(\.outcome)?\.json$/.exec(key) ?? [];
    if (run === undefined) continue;
    const attempt = Number(number);
    const before = found.get(run);
    const ended = outcome !== undefined || (before?.attempt === attempt && before.ended);
    if (before === undefined || attempt >= before.attempt) found.set(run, { run, attempt, ended });
  }
  return [...found.values()];
}
