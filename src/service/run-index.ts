import { InputError } from '../errors.ts';
import { encodeRecord, readRecord } from '../schemas/parse-record.ts';
import {
  type Claim,
  claimSchema,
  notifiedSchema,
  type Outcome,
  outcomeSchema,
  problemSchema,
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
  /** The reconciler's turns in which it could not be gone on with. */
  readonly problems: readonly number[];
}

/** Every run there is, by name. Takes one request a thousand attempts, and reads none of them. */
export async function indexedRuns({ runs }: Pick<ServiceContext, 'runs'>): Promise<IndexedRun[]> {
  return byRun(await runs.list(serviceKeys.index));
}

/** undefined where there is no such run. */
export async function findRun({ runs }: Pick<ServiceContext, 'runs'>, run: string): Promise<IndexedRun | undefined> {
  return byRun(await runs.list(`${serviceKeys.index}${run}/`))[0];
}

/** Throws InputError where there is no such run. */
export async function indexedRun(ctx: Pick<ServiceContext, 'runs'>, run: string): Promise<IndexedRun> {
  const indexed = await findRun(ctx, run);
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

const DAY_MS = 24 * 3600_000;

/**
 * Whether the files of a run's newest attempt have begun to be deleted for their age, which takes days and goes in no order: what
 * is left says nothing of how it ended. An outcome is younger than its claim, so where one may be gone, this says so.
 */
export async function isExpired(ctx: ServiceContext, { run, attempt }: IndexedRun): Promise<boolean> {
  const { retentionDays } = ctx.service;
  if (retentionDays === 0) return false;
  const claim = await claimOf(ctx, run, attempt);
  return claim === undefined || ctx.now().getTime() - Date.parse(claim.at) >= retentionDays * DAY_MS;
}

/** Notes that the reconciler could not go on with a run in one of its turns. */
export async function markProblem(ctx: ServiceContext, run: IndexedRun, turn: number, problem: string): Promise<void> {
  const record = problemSchema.parse({ schema: 'igd.problem/1', problem, at: ctx.now().toISOString() });
  await ctx.runs.putNew(serviceKeys.problem(run.run, run.attempt, turn), encodeRecord(record));
}

/** A run's newest attempt counts, and what is beside its claim. */
function byRun(keys: readonly string[]): IndexedRun[] {
  const found = new Map<string, IndexedRun>();
  for (const key of keys) {
    const [, run, number, what, turn] =
      /([^/]+)\/(\d{3})(\.outcome|\.settled|\.problem\.(\d+))?\.json$/.exec(key) ?? [];
    if (run === undefined) continue;
    const attempt = Number(number);
    const before = found.get(run);
    if (before !== undefined && attempt < before.attempt) continue;
    const { ended, settled, problems } =
      before?.attempt === attempt ? before : { ended: false, settled: false, problems: [] };
    found.set(run, {
      run,
      attempt,
      ended: ended || what === '.outcome' || what === '.settled',
      settled: settled || what === '.settled',
      problems: turn === undefined ? problems : [...problems, Number(turn)],
    });
  }
  return [...found.values()];
}
