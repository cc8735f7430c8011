import { encodeRecord, readRecord } from '../../schemas/parse-record.ts';
import { scheduledSchema, serviceKeys } from '../../schemas/service.ts';
import type { ServiceContext } from '../context.ts';

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
export async function schedulesOf({ runs }: Pick<ServiceContext, 'runs'>, run: string): Promise<Firing[]> {
  const prefix = serviceKeys.schedulesOf(run);
  const found = (await runs.list(prefix)).map(async (key): Promise<Firing[]> => {
    const record = await readRecord(runs, key, scheduledSchema);
    return record === undefined ? [] : [{ schedule: key.slice(prefix.length, -'.json'.length), at: record.at }];
  });
  return (await Promise.all(found)).flat();
}
