import { createHash } from 'node:crypto';
import { encodeRecord } from '../schemas/parse-record.ts';
import { type Answer, type AnswerKind, answerSchema, serviceKeys } from '../schemas/service.ts';
import type { Store } from '../stores/store.ts';

/** An answer to an upload, by its key alone. */
export interface AnswerKey {
  readonly key: string;
  /** SHA-256 of the config's text. */
  readonly sha256: string;
  readonly kind: AnswerKind;
}

/** S3's sequencers are shorter. */
const SEQUENCER_DIGITS = 24;

/**
 * When a config was uploaded, as text that sorts as the uploads do. EventBridge gives seconds; within one, S3's sequencer tells,
 * which is compared with zeros added on the right:
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */
export function uploadOrder(time: Date, sequencer = ''): string {
  return `${time.toISOString()}-${sequencer.padEnd(SEQUENCER_DIGITS, '0')}`;
}

/** The answers to the uploads under a name, oldest upload first. */
export async function answerKeys(runs: Store, name: string): Promise<AnswerKey[]> {
  const prefix = serviceKeys.answersTo(name);
  return (await runs.list(prefix)).flatMap((key) => {
    // Names may hold "/": what is below another name is none of this one's.
    const [, sha256, kind] = /^[^/]+\.([0-9a-f]{64})\.(accepted|rejected)\.json$/.exec(key.slice(prefix.length)) ?? [];
    if (sha256 === undefined) return [];
    return [{ key, sha256, kind: kind === 'accepted' ? 'accepted' : 'rejected' }];
  });
}

/**
 * Answers an upload under a name, and keeps what people and older versions of igd read, configs/NAME.accepted.json and
 * rejected.json, at the newest upload's.
 */
export async function answerUpload(runs: Store, name: string, order: string, answer: Answer): Promise<void> {
  const kind = answer.schema === 'igd.accepted/1' ? 'accepted' : 'rejected';
  await runs.put(serviceKeys.answer(name, order, answer.sha256, kind), encodeRecord(answerSchema.parse(answer)));
  await pointToNewest(runs, name, kind);
}

/**
 * Who has written looks again: of planners that race, the one that writes last has seen every answer, or the planner whose
 * answer it missed writes after it. One that dies in between is called again.
 */
async function pointToNewest(runs: Store, name: string, kind: AnswerKind): Promise<void> {
  for (let written: string | undefined; ; ) {
    const newest = (await answerKeys(runs, name)).findLast((answer) => answer.kind === kind)?.key;
    if (newest === undefined || newest === written) return;
    const record = await runs.get(newest);
    if (record !== undefined) await runs.put(serviceKeys[kind](name), record);
    written = newest;
  }
}

/** Of a config's text: which upload an answer is to. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
