import { writeSweepReport } from '../runs/parameter-sweep.ts';
import { writeReport } from '../runs/write-report.ts';
import { runKeys } from '../schemas/keys.ts';
import { readRecord } from '../schemas/parse-record.ts';
import { type Report, reportSchema } from '../schemas/report.ts';
import { remoteKeys } from '../schemas/service.ts';
import { type Store, within } from '../stores/store.ts';
import type { ServiceContext } from './context.ts';
import { completeShards, doneInPart } from './done-jobs.ts';
import type { LoadedRun } from './load-run.ts';
import { folderOf, type Part } from './parts.ts';

const REPORT = runKeys.report('report.json');

/** How much of a part is done. */
export interface PartState {
  readonly part: Part;
  /** Shards that every variant is done with. */
  readonly complete: number;
  readonly isWhole: boolean;
  /** Which jobs are done, by stage. */
  readonly done: Readonly<Record<'evaluate' | 'transfer' | 'audit', readonly boolean[]>>;
}

export async function partState(ctx: ServiceContext, part: Part): Promise<PartState> {
  const { plan } = part;
  const evaluate = await doneInPart(ctx, part, 'evaluate');
  const transfer = await doneInPart(ctx, part, 'transfer');
  const audit = plan.audit === undefined ? [] : await doneInPart(ctx, part, 'audit');
  const complete = completeShards(plan, evaluate, transfer).size;
  const isWhole = complete === plan.shards.length && audit.every(Boolean);
  return { part, complete, isWhole, done: { evaluate, transfer, audit } };
}

/**
 * Writes the report of each part that has anything to report, and of a sweep that of the parts that are whole side by side. A partial
 * report lies in a folder of its attempt, so that the report of the whole run, once there is one, is never another.
 */
export async function writeReports(ctx: ServiceContext, open: LoadedRun, states: readonly PartState[]): Promise<void> {
  const reports: (Report | undefined)[] = [];
  for (const state of states) reports.push(await writePartReport(ctx, open, state));
  const { sweep, files, attempt } = open;
  if (sweep === undefined || reports.every((report) => report === undefined)) return;
  const target = states.every(({ isWhole }) => isWhole) ? files : within(files, remoteKeys.partial(attempt));
  const store = writtenOnce(target, target, runKeys.sweepReport);
  const runs = sweep.runs.map(({ value, folder }, index) => ({ value, folder, report: reports[index] }));
  await writeSweepReport(store, { name: sweep.name, key: sweep.key, runs });
}

/** Gives the report of a part that is whole. */
async function writePartReport(
  { rankings }: ServiceContext,
  { files, attempt }: LoadedRun,
  { part, complete, isWhole }: PartState,
): Promise<Report | undefined> {
  if (complete === 0) return undefined;
  const { plan, label, files: own } = part;
  if (!isWhole) {
    const target = within(files, `${remoteKeys.partial(attempt)}${folderOf(label)}`);
    await writeReport(plan, writtenOnce(own, target, REPORT), rankings, { allowPartial: true });
    return undefined;
  }
  // It says that all of the report is there.
  const there = await readRecord(own, REPORT, reportSchema);
  return there ?? writeReport(plan, writtenOnce(own, own, REPORT), rankings);
}

/** Reads what is in one store and writes into another; `once` is not written again, by whoever was later. */
function writtenOnce(from: Store, to: Store, once: string): Store {
  return {
    ...from,
    put: async (key, bytes) => {
      if (key === once) await to.putNew(key, bytes);
      else await to.put(key, bytes);
    },
  };
}
