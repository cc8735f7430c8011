import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { InputError } from '../../errors.ts';
import { readRecord } from '../../schemas/parse-record.ts';
import { type Answer, acceptanceSchema, answerSchema, rejectionSchema, serviceKeys } from '../../schemas/service.ts';
import { answerKeys } from '../../service/answers.ts';
import type { Store } from '../../stores/store.ts';

const POLL_MS = 1000;

/** Which run an uploaded config is. */
type Accepted = Extract<Answer, { readonly run: string }>;

/**
 * Uploads a config, which starts the run, and waits for the service's answer to it; undefined where there is none after
 * `seconds`. Throws InputError with the problems of a config that the service rejects.
 */
export async function uploadConfig(
  runs: Store,
  name: string,
  text: string,
  seconds: number,
): Promise<Accepted | undefined> {
  const sha256 = createHash('sha256').update(text).digest('hex');
  // The answer to an earlier upload of the same text may be out of date: an input was missing then, and is there now.
  const before = new Set(await answersTo(runs, name, sha256));
  await runs.put(serviceKeys.config(name), text);
  const end = performance.now() + 1000 * seconds;
  do {
    const now = await answersTo(runs, name, sha256);
    const answer = now.filter((record) => !before.has(record)).flatMap(parsed);
    const rejected = answer.find((record) => record.schema === 'igd.rejected/1');
    const accepted = answer.find((record) => record.schema === 'igd.accepted/1');
    if (accepted !== undefined) return accepted;
    if (rejected !== undefined) throw new InputError(rejectionText(name, rejected.problems));
    await delay(Math.max(0, Math.min(POLL_MS, end - performance.now())));
  } while (performance.now() < end);
  // Of this text a run is known, whatever comes of this upload.
  const known = [...before].flatMap(parsed).findLast((record) => record.schema === 'igd.accepted/1');
  return known && { ...known, started: false };
}

/**
 * The answers to uploads of this text: each has a time of its own. Services of before uploads were answered one by one have only
 * the newest under the name, of whichever text.
 */
async function answersTo(runs: Store, name: string, sha256: string): Promise<string[]> {
  const keys = (await answerKeys(runs, name)).filter((answer) => answer.sha256 === sha256).map(({ key }) => key);
  const texts = await Promise.all(
    [...keys, serviceKeys.accepted(name), serviceKeys.rejected(name)].map((key) => textOf(runs, key)),
  );
  return texts.flatMap((text) => (text?.includes(sha256) ? [text] : []));
}

async function textOf(runs: Store, key: string): Promise<string | undefined> {
  const bytes = await runs.get(key);
  return bytes && new TextDecoder().decode(bytes);
}

function parsed(text: string): Answer[] {
  const { data } = answerSchema.safeParse(JSON.parse(text));
  return data === undefined ? [] : [data];
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

/** Throws InputError where the newest config of that name was rejected: what a run of it found is of an earlier one. */
export async function requireAccepted(runs: Store, name: string): Promise<void> {
  if ((await answerKeys(runs, name)).at(-1)?.kind !== 'rejected') return;
  const rejected = await readRecord(runs, serviceKeys.rejected(name), rejectionSchema);
  throw new InputError(rejectionText(name, rejected?.problems ?? []));
}

function rejectionText(name: string, problems: readonly string[]): string {
  return `the service rejected ${name}:\n${problems.map((line) => `  ${line}`).join('\n')}`;
}
