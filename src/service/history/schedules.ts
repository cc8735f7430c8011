import { encodeRecord, readRecord } from '../../schemas/parse-record.ts';
import { scheduledSchema, serviceKeys } from '../../schemas/service.ts';
import { within } from '../../stores/store.ts';
import type { ServiceContext } from '../context.ts';
import { partLabels } from '../parts.ts';

/** That a schedule fired. */
export interface Firing {
  readonly schedule: string;
  /** As `Date` writes it. */
  readonly at: string;
}

/** Notes that a schedule asks for a run; its first time stays. */
export async function markScheduled({ runs }: ServiceContext, run: string, { schedule, at }: Firing): Promise<void> {
  const record = scheduledSchema.parse({ schema: 'igd.scheduled/1', at });
  await runs.putNew(serviceKeys.scheduled(run, schedule), encodeRecord(record));
}

/** The schedules that have asked for a run, and when each did first. */
async function schedulesOf({ runs }: Pick<ServiceContext, 'runs'>, run: string): Promise<Firing[]> {
  const prefix = serviceKeys.schedulesOf(run);
  const found = (await runs.list(prefix)).map(async (key): Promise<Firing[]> => {
    const record = await readRecord(runs, key, scheduledSchema);
    return record === undefined ? [] : [{ schedule: key.slice(prefix.length, -'.json'.length), at: record.at }];
  });
  return (await Promise.all(found)).flat();
}

/** A history that a run belongs to. */
export interface RunHistory extends Firing {
  /** The part of the run that it is about, see `Part`: each run of a sweep is compared with the same one of before. */
  readonly label: string;
}

/** The histories of a run, and when the schedule of each first asked for it. */
export async function historiesOf(ctx: Pick<ServiceContext, 'runs'>, run: string): Promise<RunHistory[]> {
  const schedules = await schedulesOf(ctx, run);
  if (schedules.length === 0) return [];
  const labels = await partLabels(within(ctx.runs, serviceKeys.run(run)));
  return schedules.flatMap((firing) => historiesAt(firing, labels));
}

/** "weekly", or "weekly.temperature=2" and so on. */
export function historiesAt({ schedule, at }: Firing, labels: readonly string[]): RunHistory[] {
  return labels.map((label) => ({ schedule: label === '' ? schedule : `${schedule}.${label}`, at, label }));
}
