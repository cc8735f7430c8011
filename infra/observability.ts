import { Duration, Stack } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  LogQueryVisualizationType,
  LogQueryWidget,
  Metric,
  TextWidget,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { STANDSTILL_METRIC } from '../src/schemas/service.ts';
import type { Compute } from './compute.ts';
import type { Handler } from './functions.ts';
import { JobEvents } from './job-events.ts';

/** Shards failing alone are in their run's report. Ten in fifteen minutes have a cause in common: an image, a quota. */
const FAILED_JOBS_THRESHOLD = 10;
/** Spot has had its twenty minutes then, machines on demand twice as many. */
const STANDSTILL_THRESHOLD_MINUTES = 60;
const ALARM_PERIOD = Duration.minutes(15);

export interface ObservabilityProps {
  readonly compute: Compute;
  readonly planner: Handler;
  readonly finalizer: Handler;
  readonly topic: Topic;
  /** Dollars a GPU-hour is taken to cost. */
  readonly gpuHourDollars: number;
}

/** The description of an alarm, which whoever gets its mail reads. */
interface AlarmDescription {
  readonly text: string;
  /** Anchor of a heading of docs/runbook.md. */
  readonly section: string;
}

/** What runs, what failed, what it costs; and alarms to the topic. */
export class Observability extends Construct {
  private readonly topic: Topic;

  constructor(
    scope: Construct,
    id: string,
    { compute, planner, finalizer, topic, gpuHourDollars }: ObservabilityProps,
  ) {
    super(scope, id);
    this.topic = topic;
    const events = new JobEvents(this, 'JobEvents', { gpu: compute.gpu, cpu: compute.cpu });
    const handlers = { Planner: planner, Finalizer: finalizer };
    for (const [name, handler] of Object.entries(handlers)) {
      const lower = name.toLowerCase();
      this.alarm(`${name}DeadLetters`, visibleMessages(handler), 1, {
        text: `The ${lower} gave up on an event: it is in its dead-letter queue`,
        section: `${lower}-dead-letters`,
      });
      this.alarm(`${name}Errors`, handler.function.metricErrors({ period: ALARM_PERIOD }), 1, {
        text: `The ${lower} failed`,
        section: `${lower}-errors`,
      });
    }
    this.alarm('ManyFailures', events.failures.with({ period: ALARM_PERIOD }), FAILED_JOBS_THRESHOLD, {
      text: 'Many shards fail for good',
      section: 'many-shards-fail',
    });
    const standstill = standstillOf(Stack.of(this).stackName);
    this.alarm('JobsWait', standstill, STANDSTILL_THRESHOLD_MINUTES, {
      text: 'Jobs wait, and none has started for an hour',
      section: 'jobs-wait',
    });

    const dashboard = new Dashboard(this, 'Dashboard', { defaultInterval: Duration.days(1) });
    const wide = { width: 12, height: 6 };
    const query = (title: string, lines: string[], view = LogQueryVisualizationType.TABLE) =>
      new LogQueryWidget({
        ...wide,
        title,
        view,
        logGroupNames: [events.logGroup.logGroupName],
        queryLines: [JobEvents.JOBS, ...lines],
      });
    dashboard.addWidgets(
      new TextWidget({
        width: 24,
        height: 2,
        markdown:
          `GPU-hours are the last attempts of jobs that ended in the interval shown; dollars take $${gpuHourDollars} an hour ` +
          '(context gpuHourDollars). The bill also has the minutes a host starts and waits, and attempts that Spot cut off.',
      }),
    );
    dashboard.addWidgets(
      query('Queue depth and running shards: jobs by their latest state', [
        'stats latest(detail.status) as state by detail.jobId',
        'stats count(*) as jobs by state',
      ]),
      query('Shards waiting for a host longest', [
        'stats latest(detail.status) as state, latest(detail.statusReason) as reason, min(detail.createdAt) as since by detail.jobId',
        'filter state = "RUNNABLE"',
        'display fromMillis(since) as submitted, detail.jobId, reason',
        'sort submitted asc',
        'limit 20',
      ]),
    );
    const gpuHours = gpuSeconds(compute.gpu.jobQueueArn);
    dashboard.addWidgets(
      query('GPU-hours and spend estimate', [
        ...gpuHours,
        `stats sum(seconds) / 3600 as gpu_hours, sum(seconds) / 3600 * ${gpuHourDollars} as dollars, count(*) as shards`,
      ]),
      query(
        'GPU-hours by hour',
        [...gpuHours, 'stats sum(seconds) / 3600 as gpu_hours by bin(ended, 1h)'],
        LogQueryVisualizationType.BAR,
      ),
    );
    dashboard.addWidgets(
      new GraphWidget({
        ...wide,
        title: 'Failed shards',
        left: [events.failures.with({ period: Duration.minutes(5) })],
      }),
      query('Why shards failed', [
        'filter detail.status = "FAILED"',
        'stats count_distinct(detail.jobId) as shards by detail.statusReason, detail.container.reason, detail.container.exitCode',
        'sort shards desc',
      ]),
    );
    dashboard.addWidgets(
      ...Object.entries(handlers).map(
        ([name, { function: handler }]) =>
          new GraphWidget({
            ...wide,
            title: name,
            left: [handler.metricInvocations(), handler.metricErrors()],
            right: [handler.metricDuration({ statistic: 'Maximum' })],
          }),
      ),
    );
  }

  private alarm(id: string, metric: Metric, threshold: number, { text, section }: AlarmDescription): void {
    new Alarm(this, id, {
      metric,
      threshold,
      alarmDescription: `${text}. See docs/runbook.md#${section}`,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      // Nothing happened: nothing is wrong.
      treatMissingData: TreatMissingData.NOT_BREACHING,
    }).addAlarmAction(new SnsAction(this.topic));
  }
}

/** Of the queue that stands longest; measured every ten minutes by the reconciler, in the log of the finalizer. */
function standstillOf(stack: string): Metric {
  const { namespace, name } = STANDSTILL_METRIC;
  const measured = { namespace, metricName: name, dimensionsMap: { Stack: stack } };
  return new Metric({ ...measured, statistic: 'Maximum', period: ALARM_PERIOD });
}

/** SQS publishes the metric every minute or so. */
function visibleMessages({ deadLetterQueue }: Handler): Metric {
  return deadLetterQueue.metricApproximateNumberOfMessagesVisible({
    period: Duration.minutes(5),
    statistic: 'Maximum',
  });
}

/** A row for each GPU job that ended; an event that came twice is still one job. */
function gpuSeconds(queue: string): string[] {
  return [
    `filter detail.jobQueue = "${queue}" and detail.status in ["SUCCEEDED", "FAILED"] and ispresent(detail.startedAt)`,
    'stats max(detail.stoppedAt - detail.startedAt) / 1000 as seconds, max(@timestamp) as ended by detail.jobId',
  ];
}
