import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { InputError } from '../../errors.ts';
import { readRecord } from '../../schemas/parse-record.ts';
import { acceptanceSchema, rejectionSchema, serviceKeys } from '../../schemas/service.ts';
import type { Store } from '../../stores/store.ts';

const POLL_MS = 1000;

/** What the service made of an uploaded config. */
export interface Answer {
  readonly run: string;
  /** False where the run had been started before. */
  readonly started: boolean;
}

/**
 * Uploads a config, which starts the run, and waits for the service's answer; undefined where there is none after
 * `seconds`. Throws InputError with the problems of a config that the service rejects.
 */
export async function uploadConfig(
  runs: Store,
  name: string,
  text: string,
  seconds: number,
): Promise<Answer | undefined> {
  // The answer to an earlier upload of the same text may be out of date: an input was missing then, and is there now.
  const before = await answersTo(runs, name);
  await runs.put(serviceKeys.config(name), text);
  const sha256 = createHash('sha256').update(text).digest('hex');
  const end = performance.now() + 1000 * seconds;
  do {
    const now = await answersTo(runs, name);
    if (now.rejected !== before.rejected) refuse(now.rejected, name, sha256);
    const answer = now.accepted === before.accepted ? undefined : acceptance(now.accepted, sha256);
    if (answer !== undefined) return answer;
    await delay(Math.max(0, Math.min(POLL_MS, end - performance.now())));
  } while (performance.now() < end);
  return acceptance(before.accepted, sha256);
}

type Answers = Readonly<Record<'accepted' | 'rejected', string | undefined>>;

async function answersTo(runs: Store, name: string): Promise<Answers> {
  const [accepted, rejected] = await Promise.all([
    textOf(runs, serviceKeys.accepted(name)),
    textOf(runs, serviceKeys.rejected(name)),
  ]);
  return { accepted, rejected };
}

async function textOf(runs: Store, key: string): Promise<string | undefined> {
  const bytes = await runs.get(key);
  return bytes && new TextDecoder().decode(bytes);
}

function acceptance(text: string | undefined, sha256: string): Answer | undefined {
  const parsed = text === undefined ? undefined : acceptanceSchema.safeParse(JSON.parse(text));
  return parsed?.data?.sha256 === sha256 ? parsed.data : undefined;
}

/** Throws InputError, unless it is about another upload. */
function refuse(text: string | undefined, name: string, sha256: string): void {
  const parsed = text === undefined ? undefined : rejectionSchema.safeParse(JSON.parse(text));
  if (parsed?.data?.sha256 !== sha256) return;
  throw new InputError(rejectionText(name, parsed.data.problems));
}

/**
 * The run that is meant: by its own name, or by that of its config, which stands for the newest run of it. Throws InputError
 * for a config that was rejected, with its problems.
 */
export async function runNamed(runs: Store, name: string): Promise<string> {
  if (await runs.has(serviceKeys.claim(name, 1))) return name;
  const accepted = await readRecord(runs, serviceKeys.accepted(name), acceptanceSchema);
  if (accepted !== undefined) return accepted.run;
  const rejected = await readRecord(runs, serviceKeys.rejected(name), rejectionSchema);
  if (rejected !== undefined) throw new InputError(rejectionText(name, rejected.problems));
  return name;
}

function rejectionText(name: string, problems: readonly string[]): string {
  return `the service rejected ${name}:\n${problems.map((line) => `  ${line}`).join('\n')}`;
}
