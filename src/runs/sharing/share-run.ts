import { runKeys } from '../../schemas/keys.ts';
import type { Store } from '../../stores/store.ts';
import type { Plan } from '../planning/plan.ts';
import { JobLeases } from './leases.ts';
import { RunProcesses, SHARING_TIMES, type SharingTimes } from './processes.ts';

/** This process's part in a run that others may do as well. */
export interface RunShare {
  readonly processes: RunProcesses;
  readonly leases: JobLeases;
}

/** Does `work` as one of a run's processes. Whatever comes, what this one had taken is given back. */
export async function shareRun<T>(
  { id }: Plan,
  runs: Store,
  work: (share: RunShare) => Promise<T>,
  times: SharingTimes = SHARING_TIMES,
): Promise<T> {
  const processes = new RunProcesses(runs, id, times);
  const leases = new JobLeases(runs, processes);
  await processes.join();
  try {
    return await work({ processes, leases });
  } finally {
    await leases.releaseAll();
    await processes.leave().catch(() => {});
  }
}

/** Removes what processes left behind that died, once every job is done; those that live sign off by themselves. */
export async function clearLeases(runs: Store, { processes }: RunShare): Promise<void> {
  for (const key of await runs.list(runKeys.leases)) {
    const id = key.startsWith(runKeys.process('')) ? key.slice(runKeys.process('').length) : undefined;
    if (id === undefined || !(await processes.isAlive(id))) await runs.remove(key);
  }
}
