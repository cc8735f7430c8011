import { serviceKeys } from '../schemas/service.ts';
import { answerKeys, answerUpload, sha256 } from './answers.ts';
import type { ServiceContext } from './context.ts';
import { appendRejection } from './history/append.ts';
import type { Firing } from './history/schedules.ts';
import { publishEntries } from './history/tell.ts';

/** A config as it was uploaded. */
export interface Upload {
  readonly name: string;
  readonly text: string;
  /** See `uploadOrder`. */
  readonly order: string;
  /** Of the schedule that asks for it. */
  readonly firing?: Firing | undefined;
}

/** Answers that an upload started nothing, and why, notes it in the history of its schedule, and tells people. */
export async function rejectConfig(
  ctx: ServiceContext,
  { name, text, order, firing }: Upload,
  problems: string[],
): Promise<{ readonly kind: 'rejected'; readonly problems: readonly string[] }> {
  const at = ctx.now().toISOString();
  await answerUpload(ctx.runs, name, order, { schema: 'igd.rejected/1', sha256: sha256(text), problems, at });
  if (firing !== undefined) await publishEntries(ctx, [await appendRejection(ctx, firing, problems)]);
  await ctx.notify({
    subject: `igd: config ${name} was rejected`,
    text: [`${name} started nothing:`, ...problems].join('\n'),
  });
  return { kind: 'rejected', problems };
}

/** What the planner died of, as Lambda tells it after the last try. */
export interface PlannerFailure {
  readonly tries: number;
  /** undefined where Lambda has none: the event waited too long. */
  readonly message: string | undefined;
}

/**
 * Answers an upload that the planner could not: it had no time, no memory, or failed each time. One that it did answer before
 * it failed stays as it is: the reconciler goes on with its run. `since`: no answer to it is older.
 */
export async function rejectUnplanned(
  ctx: ServiceContext,
  upload: Upload & { readonly since: string },
  { tries, message = 'it could not be called for hours' }: PlannerFailure,
): Promise<'answered before' | 'rejected'> {
  const { name, text, since } = upload;
  const first = `${serviceKeys.answersTo(name)}${since}`;
  const answered = (await answerKeys(ctx.runs, name)).some(
    (answer) => answer.kind === 'accepted' && answer.sha256 === sha256(text) && answer.key >= first,
  );
  if (answered) return 'answered before';
  const remedy = isTooMuch(message)
    ? 'its inputs are more than the planner can read: give smaller files, an archive with the images that testImages and probeImages take'
    : 'see docs/runbook.md#planner-errors';
  await rejectConfig(ctx, upload, [`the planner gave up after ${tries} tries: ${message}; ${remedy}`]);
  return 'rejected';
}

/** In the words of Lambda, of a process that was killed, of Node and of Linux. */
function isTooMuch(message: string): boolean {
  return /timed out|signal: killed|OutOfMemory|heap|allocation failed|ENOSPC/i.test(message);
}
