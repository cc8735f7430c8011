import { randomUUID } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { hasCode } from '../../errors.ts';
import { runKeys } from '../../schemas/keys.ts';
import { encodeRecord, parseRecord } from '../../schemas/parse-record.ts';
import { type ProcessRecord, processRecordSchema } from '../../schemas/sharing.ts';
import type { Store } from '../../stores/store.ts';

/** How often a process says that it lives, and for how long one may be silent until it is taken for dead. */
export interface SharingTimes {
  readonly beatMs: number;
  readonly termMs: number;
}

/** NFS may show what was there a minute ago: a term is twice that. */
export const SHARING_TIMES: SharingTimes = { beatMs: 10_000, termMs: 120_000 };

/**
 * The processes that do a run together, each with a record in the run's store whose counter it raises. Whoever sees a counter stand
 * still for a term, by its own monotonic clock, takes that process for dead: clocks of machines are never compared. On one
 * machine the process table tells at once.
 */
export class RunProcesses {
  readonly id = randomUUID();
  readonly #store: Store;
  readonly #times: SharingTimes;
  readonly #record: Omit<ProcessRecord, 'beat'>;
  readonly #seen = new Map<string, { readonly beat: number; readonly at: number }>();
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> = Promise.resolve();
  #beat = 0;

  constructor(store: Store, plan: string, times: SharingTimes) {
    this.#store = store;
    this.#times = times;
    this.#record = { schema: 'igd.process/1', plan, machine: thisMachine(), pid: process.pid };
  }

  /** Signs this process on. */
  async join(): Promise<void> {
    await this.#sign();
    // A beat that cannot be written is not the end: should the store be gone, the jobs say so.
    this.#timer = setInterval(() => {
      this.#beating = this.#beating.then(() => this.#sign()).catch(() => {});
    }, this.#times.beatMs);
    this.#timer.unref();
  }

  /** Signs it off. */
  async leave(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
    await this.#store.remove(runKeys.process(this.id));
  }

  /** Records of the others that live, as far as can be known. */
  async others(): Promise<ProcessRecord[]> {
    const prefix = runKeys.process('');
    const ids = (await this.#store.list(prefix)).map((key) => key.slice(prefix.length)).filter((id) => id !== this.id);
    const records = await Promise.all(ids.map((id) => this.#livingRecord(id)));
    return records.flatMap((record) => record ?? []);
  }

  async isAlive(id: string): Promise<boolean> {
    return id === this.id || (await this.#livingRecord(id)) !== undefined;
  }

  async #livingRecord(id: string): Promise<ProcessRecord | undefined> {
    const bytes = await this.#store.get(runKeys.process(id));
    if (bytes === undefined) return undefined;
    const record = parseRecord(processRecordSchema, bytes, runKeys.process(id));
    const isHere = record.machine === this.#record.machine;
    return (isHere ? isRunning(record.pid) : this.#hasBeaten(id, record)) ? record : undefined;
  }

  #hasBeaten(id: string, { beat }: ProcessRecord): boolean {
    const now = performance.now();
    const seen = this.#seen.get(id);
    if (seen?.beat === beat) return now - seen.at < this.#times.termMs;
    this.#seen.set(id, { beat, at: now });
    return true;
  }

  async #sign(): Promise<void> {
    const record: ProcessRecord = { ...this.#record, beat: this.#beat };
    await this.#store.put(runKeys.process(this.id), encodeRecord(record));
    this.#beat += 1;
  }
}

/** Containers may share a host's name: a pid means something in its namespace only. */
function thisMachine(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // One of another user is there and may not be asked.
    return hasCode(error, 'EPERM');
  }
}
