import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { InputError } from '../errors.ts';
import { onAws } from './on-aws.ts';

/** Key of the stack's output that describes the service. */
const OUTPUT = 'Service';

/** What the stack says of its service, as JSON. Throws InputError where there is no such stack, or none of igd. */
export async function serviceOutput(stack: string): Promise<string> {
  const client = new CloudFormationClient({});
  try {
    const { Stacks } = await onAws(`look up stack ${stack}`, () =>
      client.send(new DescribeStacksCommand({ StackName: stack })).catch((error: unknown) => {
        if (isUnknownStack(error)) return { Stacks: [] };
        throw error;
      }),
    );
    const region = await client.config.region();
    const [found] = Stacks ?? [];
    if (found === undefined)
      throw new InputError(`there is no stack "${stack}" in ${region}: see --stack and AWS_REGION`);
    const output = found.Outputs?.find(({ OutputKey }) => OutputKey === OUTPUT)?.OutputValue;
    if (output === undefined) throw new InputError(`stack "${stack}" has no output "${OUTPUT}": it is no igd service`);
    return output;
  } finally {
    client.destroy();
  }
}

/** CloudFormation has no error of its own for it. */
function isUnknownStack(error: unknown): boolean {
  return error instanceof Error && error.name === 'ValidationError' && error.message.includes('does not exist');
}
