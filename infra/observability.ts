import { Duration, Stack } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  type IWidget,
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

type Handlers = Readonly<Record<'Planner' | 'Finalizer', Handler>>;

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
    this.alarmsOfHandlers(handlers);
    this.alarmsOfJobs(events);
    const dashboard = new Dashboard(this, 'Dashboard', { defaultInterval: Duration.days(1) });
    const rows = [
      [explanation(gpuHourDollars)],
      jobsNow(events),
      gpuHours(events, compute.gpu.jobQueueArn, gpuHourDollars),
      failures(events),
      invocations(handlers),
    ];
    for (const row of rows) dashboard.addWidgets(...row);
  }

  private alarmsOfHandlers(handlers: Handlers): void {
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
  }

  private alarmsOfJobs(events: JobEvents): void {
    this.alarm('ManyFailures', events.failures.with({ period: ALARM_PERIOD }), FAILED_JOBS_THRESHOLD, {
      text: 'Many shards fail for good',
      section: 'many-shards-fail',
    });
    const standstill = standstillOf(Stack.of(this).stackName);
    this.alarm('JobsWait', standstill, STANDSTILL_THRESHOLD_MINUTES, {
      text: 'Jobs wait, and none has started for an hour',
      section: 'jobs-wait',
    });
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

/** Two of them are a row of the dashboard. */
const HALF = { width: 12, height: 6 };

function explanation(gpuHourDollars: number): TextWidget {
  return new TextWidget({
    width: 24,
    height: 2,
    markdown:
      `GPU-hours are the last attempts of jobs that ended in the interval shown; dollars take $${gpuHourDollars} an hour ` +
      '(context gpuHourDollars). The bill also has the minutes a host starts and waits, and attempts that Spot cut off.',
  });
}

function jobsNow(events: JobEvents): IWidget[] {
  return [
    jobQuery(events, 'Queue depth and running shards: jobs by their latest state', [
      'stats latest(detail.status) as state by detail.jobId',
      'stats count(*) as jobs by state',
    ]),
    jobQuery(events, 'Shards waiting for a host longest', [
      'stats latest(detail.status) as state, latest(detail.statusReason) as reason, min(detail.createdAt) as since by detail.jobId',
      'filter state = "RUNNABLE"',
      'display fromMillis(since) as submitted, detail.jobId, reason',
      'sort submitted asc',
      'limit 20',
    ]),
  ];
}

function gpuHours(events: JobEvents, queue: string, hourDollars: number): IWidget[] {
  const seconds = gpuSeconds(queue);
  return [
    jobQuery(events, 'GPU-hours and spend estimate', [
      ...seconds,
      `stats sum(seconds) / 3600 as gpu_hours, sum(seconds) / 3600 * ${hourDollars} as dollars, count(*) as shards`,
    ]),
    jobQuery(
      events,
      'GPU-hours by hour',
      [...seconds, 'stats sum(seconds) / 3600 as gpu_hours by bin(ended, 1h)'],
      LogQueryVisualizationType.BAR,
    ),
  ];
}

function failures(events: JobEvents): IWidget[] {
  return [
    new GraphWidget({
      ...HALF,
      title: 'Failed shards',
      left: [events.failures.with({ period: Duration.minutes(5) })],
    }),
    jobQuery(events, 'Why shards failed', [
      'filter detail.status = "FAILED"',
      'stats count_distinct(detail.jobId) as shards by detail.statusReason, detail.container.reason, detail.container.exitCode',
      'sort shards desc',
    ]),
  ];
}

function invocations(handlers: Handlers): IWidget[] {
  return Object.entries(handlers).map(
    ([name, { function: handler }]) =>
      new GraphWidget({
        ...HALF,
        title: name,
        left: [handler.metricInvocations(), handler.metricErrors()],
        right: [handler.metricDuration({ statistic: 'Maximum' })],
      }),
  );
}

/** Asks the log of what became of jobs. */
function jobQuery(
  { logGroup }: JobEvents,
  title: string,
  lines: readonly string[],
  view = LogQueryVisualizationType.TABLE,
): LogQueryWidget {
  return new LogQueryWidget({
    ...HALF,
    title,
    view,
    logGroupNames: [logGroup.logGroupName],
    queryLines: [JobEvents.JOBS, ...lines],
  });
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
