import { STANDSTILL_METRIC } from '../../src/schemas/service.ts';
import type { QueueState } from '../../src/service/tend-queues.ts';

/**
 * A line of log that CloudWatch makes a metric of (embedded metric format): what a call of its API would cost a permission for.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function standstillLine(stack: string, { queue, minutes }: QueueState, now: Date): string {
  const { namespace, name } = STANDSTILL_METRIC;
  return JSON.stringify({
    _aws: {
      Timestamp: now.getTime(),
      CloudWatchMetrics: [
        { Namespace: namespace, Dimensions: [['Stack', 'Queue'], ['Stack']], Metrics: [{ Name: name }] },
      ],
    },
    Stack: stack,
    Queue: queue,
    [name]: Math.round(minutes * 10) / 10,
  });
}
