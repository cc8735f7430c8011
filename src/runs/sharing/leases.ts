import { runKeys } from '../../schemas/keys.ts';
import { encodeRecord, parseRecord } from '../../schemas/parse-record.ts';
import { jobLeaseSchema } from '../../schemas/sharing.ts';
import type { Store } from '../../stores/store.ts';
import type { RunProcesses } from './processes.ts';

/**
 * Who does which job of a run that several processes do. A lease has terms by number, and of all who ask for a term one gets it
 * (`putNew`); the term after is to be had once the holder is dead. Where one is taken for dead that is not, a job is done
 * twice: a waste, and no other result.
 */
export class JobLeases {
  readonly #store: Store;
  readonly #processes: RunProcesses;
  readonly #held = new Map<string, string>();

  constructor(store: Store, processes: RunProcesses) {
    this.#store = store;
    this.#processes = processes;
  }

  /** Those of these jobs, by their results' keys, that nobody who lives has. */
  async free(jobs: readonly string[]): Promise<Set<string>> {
    const keys = await this.#store.list(runKeys.jobLeases);
    const free = await Promise.all(jobs.map((job) => this.#freeTerm(job, keys)));
    return new Set(jobs.filter((_, index) => free[index] !== undefined));
  }

  /** Whether this process has the job from now on. */
  async claim(job: string): Promise<boolean> {
    const term = await this.#freeTerm(job, await this.#store.list(runKeys.lease(job, '')));
    if (term === undefined) return false;
    const key = runKeys.lease(job, term);
    const record = jobLeaseSchema.parse({ schema: 'igd.job-lease/1', holder: this.#processes.id });
    if (!(await this.#store.putNew(key, encodeRecord(record)))) return false;
    this.#held.set(job, key);
    return true;
  }

  /** Gives a job back, done or not. A lease that cannot be removed ends with its process. */
  async release(job: string): Promise<void> {
    const key = this.#held.get(job);
    this.#held.delete(job);
    if (key !== undefined) await this.#store.remove(key).catch(() => {});
  }

  async releaseAll(): Promise<void> {
    await Promise.all([...this.#held.keys()].map((job) => this.release(job)));
  }

  /** The number of the term that is to be had; undefined while the last one's holder lives. `keys`: those of this job's terms are among them. */
  async #freeTerm(job: string, keys: readonly string[]): Promise<number | undefined> {
    const prefix = runKeys.lease(job, '');
    const terms = keys.filter((key) => key.startsWith(prefix)).map((key) => Number(key.slice(prefix.length)));
    const last = Math.max(0, ...terms);
    const bytes = last === 0 ? undefined : await this.#store.get(runKeys.lease(job, last));
    if (bytes === undefined) return last + 1;
    const { holder } = parseRecord(jobLeaseSchema, bytes, runKeys.lease(job, last));
    return (await this.#processes.isAlive(holder)) ? undefined : last + 1;
  }
}
