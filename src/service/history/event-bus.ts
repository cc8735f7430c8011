import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { messageOf, RunError } from '../../errors.ts';
import { type ComparedEvent, comparedEventSchema, EVENT_SOURCE } from '../../schemas/history.ts';

/** What rules on the account's default bus match. */
const EVENT = { Source: EVENT_SOURCE, DetailType: 'Robustness Compared' } as const;

/** Sends to EventBridge's default bus. Throws RunError where EventBridge refuses, which it also says in an answer that is none of an error. */
export function busPublisher(): (event: ComparedEvent) => Promise<void> {
  const client = new EventBridgeClient({});
  return async (event) => {
    const refused = (why: string, cause?: unknown) =>
      new RunError(`cannot send the event of schedule ${event.schedule}: ${why}`, { cause });
    const Entries = [{ ...EVENT, Detail: JSON.stringify(comparedEventSchema.parse(event)) }];
    const answer = await client.send(new PutEventsCommand({ Entries })).catch((cause: unknown) => {
      throw refused(messageOf(cause), cause);
    });
    const [entry] = answer.Entries ?? [];
    if ((answer.FailedEntryCount ?? 0) > 0) throw refused(`${entry?.ErrorCode}: ${entry?.ErrorMessage}`);
  };
}
