import { Duration } from 'aws-cdk-lib';
import type { JobQueue } from 'aws-cdk-lib/aws-batch';
import { type IRuleTarget, Match, Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { serviceKeys } from '../src/schemas/service.ts';
import type { Handler } from './functions.ts';

/** Events may be lost; then a run ends this much later. 144 calls a day that list what is open cost a cent. */
const RECONCILE_INTERVAL = Duration.minutes(10);

/**
 * How long EventBridge tries to deliver an event to Lambda (which queues it: only throttling or an outage can fail). Beyond two
 * hours the reconciler has done what a job's event would have; a config's event waits in the dead-letter queue.
 */
const RETRY_POLICY = { maxEventAge: Duration.hours(2), retryAttempts: 20 };

export interface OrchestrationProps {
  readonly runs: Bucket;
  readonly queues: readonly JobQueue[];
  readonly planner: Handler;
  readonly finalizer: Handler;
}

/** What happens when: an upload plans a run, jobs that end take it further, a timer starts the reconciler for what events left behind. */
export class Orchestration extends Construct {
  constructor(scope: Construct, id: string, { runs, queues, planner, finalizer }: OrchestrationProps) {
    super(scope, id);
    new Rule(this, 'ConfigUploaded', {
      description: 'A config was uploaded: plan its run',
      eventPattern: {
        source: ['aws.s3'],
        detailType: ['Object Created'],
        detail: {
          bucket: { name: [runs.bucketName] },
          // Patterns of one field are alternatives, so "a config" is said by what it is not: a run's own file, or an answer
          // of the planner's, which would be planned, and answered.
          object: {
            key: Match.anythingButWildcard(
              `${serviceKeys.runs}*`,
              `${serviceKeys.answers}*`,
              `${serviceKeys.history}*`,
              serviceKeys.rejected('*'),
              serviceKeys.accepted('*'),
            ),
          },
        },
      },
      targets: [invoke(planner)],
    });
    new Rule(this, 'JobEnded', {
      description: 'All jobs of a stage ended: go on with the run',
      eventPattern: {
        source: ['aws.batch'],
        detailType: ['Batch Job State Change'],
        detail: {
          jobQueue: queues.map(({ jobQueueArn }) => jobQueueArn),
          status: ['SUCCEEDED', 'FAILED'],
          // Only children have an index: 10,000 of them end, and one array.
          arrayProperties: { index: Match.doesNotExist() },
        },
      },
      targets: [invoke(finalizer)],
    });
    new Rule(this, 'Reconcile', {
      description: 'Goes on with runs whose events were lost',
      schedule: Schedule.rate(RECONCILE_INTERVAL),
      targets: [invoke(finalizer, RuleTargetInput.fromObject({ reconcile: 'all' }))],
    });
  }
}

function invoke({ function: handler, deadLetterQueue }: Handler, event?: RuleTargetInput): IRuleTarget {
  return new LambdaFunction(handler, {
    ...RETRY_POLICY,
    deadLetterQueue,
    ...(event === undefined ? {} : { event }),
  });
}
