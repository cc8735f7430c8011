import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { messageOf, RunError } from '../errors.ts';

/** A message to people. */
export interface Notice {
  readonly subject: string;
  readonly text: string;
}

/** SNS refuses longer subjects, and line breaks in them. */
const SUBJECT_LENGTH = 100;

/** Publishes to a topic. Throws RunError where SNS refuses. */
export function topicNotifier(topicArn: string): (notice: Notice) => Promise<void> {
  const client = new SNSClient({});
  return async ({ subject, text }) => {
    const line = subjectLine(subject);
    try {
      await client.send(new PublishCommand({ TopicArn: topicArn, Subject: line, Message: text }));
    } catch (cause) {
      throw new RunError(`cannot notify through ${topicArn}: ${messageOf(cause)}`, { cause });
    }
  };
}

/** What SNS takes of a subject. A minus sign is no ASCII, and a number without its own is another one. */
export function subjectLine(subject: string): string {
  return subject
    .replaceAll('\u2212', '-')
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .slice(0, SUBJECT_LENGTH);
}
