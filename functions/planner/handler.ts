import { Logger } from '@aws-lambda-powertools/logger';
import { messageOf } from '../../src/errors.ts';
import { serviceSchema } from '../../src/schemas/service.ts';
import { configOf } from '../../src/service/config-events.ts';
import { openServiceContext, type ServiceContext } from '../../src/service/context.ts';
import { rejectConfig } from '../../src/service/reject-config.ts';
import { submitConfig } from '../../src/service/submit-config.ts';

const logger = new Logger({ serviceName: 'planner' });

let opened: ServiceContext | undefined;

export function handler(event: unknown): Promise<void> {
  opened ??= openServiceContext(serviceSchema.parse(JSON.parse(process.env.IGD_SERVICE ?? '{}')));
  return plan(opened, event);
}

/** Plans the run of a config. Throws where AWS refuses, so that Lambda tries again: a claim makes that safe. */
export async function plan(ctx: ServiceContext, event: unknown): Promise<void> {
  const config = await configOf(ctx, event);
  if (config === undefined) return logger.debug('not a config');
  try {
    const { problem } = config;
    const submitted = await (problem === undefined
      ? submitConfig(ctx, config.name, config.text, config)
      : rejectConfig(ctx, config, [problem]));
    logger.info('planned', { config: config.name, ...submitted });
  } catch (error) {
    logger.error(`cannot plan ${config.name}: ${messageOf(error)}`);
    throw error;
  }
}
