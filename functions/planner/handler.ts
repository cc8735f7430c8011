import { Logger } from '@aws-lambda-powertools/logger';
import { z } from 'zod';
import { messageOf, RunError } from '../../src/errors.ts';
import { serviceKeys, serviceSchema } from '../../src/schemas/service.ts';
import { openServiceContext, type ServiceContext } from '../../src/service/context.ts';
import { submitConfig } from '../../src/service/submit-config.ts';

const logger = new Logger({ serviceName: 'planner' });

/** A config was uploaded: what EventBridge says of an object. */
const uploadSchema = z.object({
  source: z.literal('aws.s3'),
  detail: z.object({ object: z.object({ key: z.string() }) }),
});

const scheduledConfigSchema = z.object({ name: z.string().regex(/^[\w.-]+$/), config: z.json() });

/** A schedule fired: the input it has in the stack. */
const scheduleSchema = z.object({ schedule: scheduledConfigSchema });

/** The same by its former name: of schedules that fire while they are replaced, and of messages in a dead-letter queue. */
const formerScheduleSchema = z
  .object({ sweep: scheduledConfigSchema })
  .transform(({ sweep: schedule }) => ({ schedule }));

const eventSchema = z.union([uploadSchema, scheduleSchema, formerScheduleSchema]);

let opened: ServiceContext | undefined;

export function handler(event: unknown): Promise<void> {
  opened ??= openServiceContext(serviceSchema.parse(JSON.parse(process.env.IGD_SERVICE ?? '{}')));
  return plan(opened, event);
}

/** Plans the run of a config. Throws where AWS refuses, so that Lambda tries again: a claim makes that safe. */
export async function plan(ctx: ServiceContext, event: unknown): Promise<void> {
  const config = await configOf(eventSchema.parse(event), ctx);
  if (config === undefined) return;
  try {
    const submitted = await submitConfig(ctx, config.name, config.text);
    logger.info('planned', { config: config.name, ...submitted });
  } catch (error) {
    logger.error(`cannot plan ${config.name}: ${messageOf(error)}`);
    throw error;
  }
}

async function configOf(
  event: z.infer<typeof eventSchema>,
  { runs }: ServiceContext,
): Promise<{ name: string; text: string } | undefined> {
  if ('schedule' in event) return { name: event.schedule.name, text: JSON.stringify(event.schedule.config) };
  const { key } = event.detail.object;
  const name = configName(key);
  if (name === undefined) {
    logger.debug('not a config', { key });
    return undefined;
  }
  const bytes = await runs.get(key);
  if (bytes === undefined) throw new RunError(`${key} is gone: upload it again`);
  return { name, text: new TextDecoder().decode(bytes) };
}

/** NAME of configs/NAME.json; undefined for every other key, our own answers among them. */
function configName(key: string): string | undefined {
  const [, name] = /^configs\/([^/]+)\.json$/.exec(key) ?? [];
  if (name === undefined || key !== serviceKeys.config(name)) return undefined;
  return /\.(rejected|accepted)$/.test(name) ? undefined : name;
}
