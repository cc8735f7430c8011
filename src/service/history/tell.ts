import type { HistoryEntry, HistoryVerdict } from '../../schemas/history.ts';
import { encodeRecord } from '../../schemas/parse-record.ts';
import { notifiedSchema, serviceKeys } from '../../schemas/service.ts';
import type { ServiceContext } from '../context.ts';
import type { IndexedRun } from '../run-index.ts';
import { appendFiring } from './append.ts';
import type { Firing } from './schedules.ts';

/** Sends the event of each entry. */
export async function publishEntries(
  { service, publish }: ServiceContext,
  entries: readonly HistoryEntry[],
): Promise<void> {
  const { stack } = service;
  for (const { schedule, run, attempt, at, status, comparison } of entries)
    await publish({ schema: 'igd.compared/1', stack, schedule, run, attempt, at, status, comparison });
}

/** Shorter than the minute after which Lambda tries again: planners that are called twice at once share a turn, a retry has its own. */
const TURN_MS = 30_000;

/** Adds that a schedule fired for a run that had ended, and tells people: once, and twice only where this process dies in between. */
export async function tellOfFiring(ctx: ServiceContext, firing: Firing, indexed: IndexedRun): Promise<void> {
  const { run } = indexed;
  const entries = await appendFiring(ctx, firing, indexed);
  const [first] = entries;
  const subject = mostUrgent(entries);
  if (first === undefined || subject === undefined) return;
  const told = serviceKeys.historyTold(firing.schedule, first.at, run);
  if (await ctx.runs.has(told)) return;
  const turn = Math.floor(ctx.now().getTime() / TURN_MS);
  const record = encodeRecord(notifiedSchema.parse({ schema: 'igd.settled/1', at: ctx.now().toISOString() }));
  if (!(await ctx.runs.putNew(serviceKeys.historyTelling(firing.schedule, first.at, run, turn), record))) return;
  await publishEntries(ctx, entries);
  const { stack } = ctx.service;
  const hasResults = entries.some(({ results }) => results !== null);
  const report = `All files: npx igd download ${run} --stack ${stack} --to runs/${run}`;
  const lines = [...historyLines(ctx, entries), ...(hasResults ? [report] : [])];
  await ctx.notify({ subject: historySubject(subject), text: lines.join('\n\n') });
  await ctx.runs.putNew(told, record);
}

/** What people want to know first. */
const URGENCY: readonly HistoryVerdict[] = [
  'regressed',
  'improved',
  'unchanged',
  'not-compared',
  'no-results',
  'first',
];

/** The entry that a mail's subject is about; undefined where no schedule asked for the run. */
export function mostUrgent(entries: readonly HistoryEntry[]): HistoryEntry | undefined {
  const place = ({ comparison: { verdict } }: HistoryEntry) => URGENCY.indexOf(verdict);
  return entries.toSorted((a, b) => place(a) - place(b))[0];
}

/** A subject's room for the name of the schedule: what follows is what is to be read. */
const NAME_LENGTH = 24;

/** "igd weekly: robust accuracy fell 3.1 points (p = 0.004) since 12 November" */
export function historySubject({ schedule, run, status, comparison: { verdict, sentence } }: HistoryEntry): string {
  // Its end tells which run of a sweep is meant.
  const name =
    schedule.length <= NAME_LENGTH ? schedule : `${schedule.slice(0, 10)}...${schedule.slice(13 - NAME_LENGTH)}`;
  const ended = status === 'complete' ? '' : ` (${status})`;
  const isOwn = verdict === 'first' || verdict === 'no-results';
  const how = status === 'held' ? 'waits for approval' : `is ${status}`;
  return `igd ${name}${ended}: ${isOwn ? `${run} ${how}` : sentence}`;
}

/** The same for the mail's text, and what the comparison is of. */
export function historyLines({ service }: ServiceContext, entries: readonly HistoryEntry[]): string[] {
  return entries.map(({ schedule, comparison }) => {
    const lines = [`Schedule ${schedule}: ${comparison.sentence}.`];
    if ('since' in comparison && comparison.tests.length > 0) {
      lines.push(`Compared with ${comparison.since.run} on the ${comparison.images} images that both have.`);
      for (const { what, before, now } of comparison.differences) lines.push(`${what}: ${before} before, ${now} now`);
    }
    lines.push(
      `History: npx igd browse --stack ${service.stack}, or ${serviceKeys.historyOf(schedule)}index.html in ${service.buckets.runs}`,
    );
    return lines.join('\n');
  });
}
