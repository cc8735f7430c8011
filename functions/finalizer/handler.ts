import { Logger } from '@aws-lambda-powertools/logger';
import { z } from 'zod';
import { messageOf, RunError } from '../../src/errors.ts';
import { serviceSchema, taskVariables } from '../../src/schemas/service.ts';
import { BatchMachines, type Machines } from '../../src/service/batch/machines.ts';
import { configOf } from '../../src/service/config-events.ts';
import { openServiceContext, type ServiceContext } from '../../src/service/context.ts';
import { reconcileRun } from '../../src/service/reconcile.ts';
import { reconcileAll } from '../../src/service/reconcile-all.ts';
import { rejectUnplanned } from '../../src/service/reject-config.ts';
import { tendQueues } from '../../src/service/tend-queues.ts';
import { standstillLine } from './standstill.ts';

const logger = new Logger({ serviceName: 'finalizer' });

/** A job changed its state: an array, one of its children, or a plain job. */
const jobSchema = z.object({
  source: z.literal('aws.batch'),
  'detail-type': z.literal('Batch Job State Change'),
  detail: z.object({
    jobId: z.string(),
    jobName: z.string(),
    status: z.string(),
    arrayProperties: z.object({ index: z.int().optional(), size: z.int().optional() }).optional(),
    container: z
      .object({ environment: z.array(z.object({ name: z.string(), value: z.string() })).default([]) })
      .optional(),
    tags: z.record(z.string(), z.string()).optional(),
  }),
});
type JobDetail = z.infer<typeof jobSchema>['detail'];

/** It is time to look after runs whose events were lost. */
const timerSchema = z.object({ reconcile: z.literal('all') });

/** The same by its former name: of a rule that fires while it is replaced. */
const formerTimerSchema = z.object({ sweepUp: z.literal(true) }).transform(() => ({ reconcile: 'all' as const }));

/** The planner failed on an event for the last time: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html */
const failureSchema = z.object({
  requestContext: z.object({ condition: z.string(), approximateInvokeCount: z.int() }),
  requestPayload: z.json(),
  responsePayload: z.object({ errorMessage: z.string() }).nullish(),
});

const eventSchema = z.union([jobSchema, timerSchema, formerTimerSchema, failureSchema]);

let opened: ServiceContext | undefined;

export function handler(event: unknown): Promise<void> {
  opened ??= openServiceContext(serviceSchema.parse(JSON.parse(process.env.IGD_SERVICE ?? '{}')));
  return handleEvent(opened, event, new BatchMachines());
}

/** Goes on with a run, or with all, and looks after the queues then. Throws where AWS refuses, so that Lambda tries again: every step is safe to repeat. */
export async function handleEvent(ctx: ServiceContext, event: unknown, machines?: Machines): Promise<void> {
  const parsed = eventSchema.parse(event);
  if ('reconcile' in parsed) return takeTurn(ctx, machines);
  if ('requestPayload' in parsed) return answerFor(ctx, parsed);
  const { detail } = parsed;
  const { jobId, jobName, status } = detail;
  if (!hasEnded(detail)) return;
  const run = runOf(detail);
  if (run === undefined) {
    logger.warn('a job that names no run', { jobId, jobName });
    return reconcileEvery(ctx);
  }
  try {
    const step = await reconcileRun(ctx, run);
    logger.info('reconciled', { run, jobId, jobName, status, ...step });
  } catch (error) {
    logger.error(`cannot go on with ${run}: ${messageOf(error)}`);
    throw error;
  }
}

/** Answers in the planner's place. */
async function answerFor(ctx: ServiceContext, failure: z.infer<typeof failureSchema>): Promise<void> {
  const config = await configOf(ctx, failure.requestPayload);
  if (config === undefined) return;
  const { approximateInvokeCount: tries } = failure.requestContext;
  const message = failure.responsePayload?.errorMessage;
  const done = await rejectUnplanned(ctx, config, { tries, message });
  logger.error(`the planner gave up on ${config.name}`, { ...failure.requestContext, message, done });
}

/** Of an array its own event tells: those of its children say nothing it will not say once all have ended. */
function hasEnded({ status, arrayProperties }: JobDetail): boolean {
  return (status === 'SUCCEEDED' || status === 'FAILED') && arrayProperties?.index === undefined;
}

function runOf({ container, tags }: JobDetail): string | undefined {
  return container?.environment.find(({ name }) => name === taskVariables.run)?.value ?? tags?.['igd:run'];
}

/** A queue that cannot be looked after holds up no run, nor a run the queues. */
async function takeTurn(ctx: ServiceContext, machines: Machines | undefined): Promise<void> {
  const turns = await Promise.allSettled([reconcileEvery(ctx), machines && lookAfterQueues(ctx, machines)]);
  const failed = turns.flatMap((turn) => (turn.status === 'rejected' ? [messageOf(turn.reason)] : []));
  if (failed.length > 0) throw new RunError(failed.join('; '));
}

async function lookAfterQueues({ service, now }: ServiceContext, machines: Machines): Promise<void> {
  for (const state of await tendQueues(service, machines, now())) {
    // Not by the logger, nor by Lambda's console, which would put something before the line.
    process.stdout.write(`${standstillLine(service.stack, state, now())}\n`);
    const { queue, minutes, onDemand } = state;
    if (onDemand !== undefined) logger.info(`machines on demand of queue ${queue} are ${onDemand} now`, { minutes });
  }
}

async function reconcileEvery(ctx: ServiceContext): Promise<void> {
  const reconciled = await reconcileAll(ctx);
  for (const { run, problem } of reconciled.filter(({ isSetAside }) => isSetAside))
    logger.error(`set aside ${run}: ${problem}`);
  const failed = reconciled.filter(({ problem, isSetAside }) => problem !== undefined && !isSetAside);
  logger.info('reconciled every run', { runs: reconciled.length, failed });
  if (failed.length > 0) throw new RunError(`cannot go on with ${failed.map(({ run }) => run).join(', ')}`);
}
