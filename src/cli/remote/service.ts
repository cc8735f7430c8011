import { type Command, Option } from 'commander';
import { InputError } from '../../errors.ts';
import { suggestedIssues } from '../../schemas/issues.ts';
import { parseJson } from '../../schemas/json.ts';
import { type Service, serviceSchema } from '../../schemas/service.ts';
import { readText } from '../storage-location.ts';

/** Which deployed service a command speaks to. */
export interface ServiceFlags {
  readonly stack?: string;
  readonly service?: string;
}

export function addServiceOptions(command: Command): Command {
  return command
    .option('--stack <name>', 'the CloudFormation stack of the service')
    .addOption(
      new Option('--service <file>', "instead of --stack: its output 'Service', as a file or as JSON").env(
        'IGD_SERVICE',
      ),
    );
}

/**
 * The service that the options name; from here on this process speaks to its region. Throws InputError where they name
 * none, or what they name is no service of this version.
 */
export async function serviceOf(flags: ServiceFlags): Promise<Service> {
  const service = await namedService(flags);
  process.env.AWS_REGION = service.region;
  return service;
}

/** The service opened, with what commands do to its runs. The AWS SDK is loaded here: local commands start without it. */
export async function openService(flags: ServiceFlags) {
  const described = await serviceOf(flags);
  const service = await import('../../service/index.ts');
  const names = await import('./answer.ts');
  const ctx = service.openServiceContext(described);
  return {
    ctx,
    service,
    runNamed: (name: string) => names.runNamed(ctx.runs, name),
    requireAccepted: (name: string) => names.requireAccepted(ctx.runs, name),
  };
}

async function namedService({ stack, service }: ServiceFlags): Promise<Service> {
  if (stack !== undefined && service !== undefined && service !== process.env.IGD_SERVICE)
    throw new InputError('--stack and --service are two ways to name a service: leave one of them out');
  if (stack !== undefined) {
    const { serviceOutput } = await import('../../service/stack-output.ts');
    return parseService(await serviceOutput(stack), `stack ${stack}`);
  }
  if (service === undefined)
    throw new InputError('say which service: --stack NAME, or --service FILE, or the environment variable IGD_SERVICE');
  if (service.trim().startsWith('{')) return parseService(service, 'the service');
  return parseService(await readText(service), service);
}

function parseService(text: string, where: string): Service {
  const parsed = serviceSchema.safeParse(
    parseJson(text, (reason, options) => new InputError(`${where} is not JSON: ${reason}`, options)),
  );
  if (parsed.success) return parsed.data;
  throw new InputError(
    `${where} describes no service of this version of igd: ${suggestedIssues(parsed.error).join('; ')}`,
  );
}
