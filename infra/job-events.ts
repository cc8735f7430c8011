import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { JobQueue } from 'aws-cdk-lib/aws-batch';
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { type IRuleTarget, Rule } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { FilterPattern, LogGroup, MetricFilter, ResourcePolicy, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

export interface JobEventsProps {
  readonly gpu: JobQueue;
  readonly cpu: JobQueue;
}

/**
 * A log of what every job went through. Batch publishes no metrics; its events say all a dashboard wants to know, and Logs
 * Insights can subtract times, which metrics cannot. A run of 10,000 shards writes some 6 events of 3 KB each: $0.09.
 */
export class JobEvents extends Construct {
  readonly logGroup: LogGroup;
  /** Jobs (children, not arrays) that failed for good. */
  readonly failures: Metric;

  constructor(scope: Construct, id: string, { gpu, cpu }: JobEventsProps) {
    super(scope, id);
    this.logGroup = new LogGroup(this, 'Log', {
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    new ResourcePolicy(this, 'EventsMayWrite', {
      policyStatements: [
        new PolicyStatement({
          principals: [
            new ServicePrincipal('events.amazonaws.com'),
            new ServicePrincipal('delivery.logs.amazonaws.com'),
          ],
          actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
          resources: [this.logGroup.logGroupArn],
        }),
      ],
    });
    new Rule(this, 'EveryChange', {
      description: 'Logs what jobs go through, for the dashboard',
      eventPattern: {
        source: ['aws.batch'],
        detailType: ['Batch Job State Change'],
        detail: { jobQueue: [gpu.jobQueueArn, cpu.jobQueueArn] },
      },
      targets: [logGroupTarget(this.logGroup)],
    });
    this.failures = new MetricFilter(this, 'Failures', {
      logGroup: this.logGroup,
      // An array that failed is not one more failure. A child's id is its array's, a colon, and its index.
      filterPattern: FilterPattern.literal(
        '{ ($.detail.status = "FAILED") && (($.detail.jobId = "*:*") || ($.detail.arrayProperties.size NOT EXISTS)) }',
      ),
      metricNamespace: `igd/${Stack.of(this).stackName}`,
      metricName: 'FailedJobs',
      metricValue: '1',
      defaultValue: 0,
    }).metric({ statistic: 'Sum' });
  }

  /** A line of a Logs Insights query that leaves children and single jobs, and drops the arrays they are counted in. */
  static readonly JOBS = 'filter detail.jobId like /:/ or not ispresent(detail.arrayProperties.size)';
}

/** The CloudWatchLogGroup target of CDK makes a custom resource, a Lambda function, for the policy above. */
function logGroupTarget(logGroup: LogGroup): IRuleTarget {
  const arn = Stack.of(logGroup).formatArn({
    service: 'logs',
    resource: `log-group:${logGroup.logGroupName}`,
  });
  return { bind: () => ({ arn }) };
}
