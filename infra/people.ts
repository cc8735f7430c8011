import { Stack } from 'aws-cdk-lib';
import { ManagedPolicy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { serviceKeys, UPLOADS } from '../src/schemas/service.ts';
import { grantObjects } from './access.ts';
import type { Compute } from './compute.ts';
import { grantRuns } from './run-access.ts';
import type { Storage } from './storage.ts';

export interface PeopleProps {
  readonly storage: Storage;
  readonly compute: Compute;
  readonly topic: Topic;
}

/**
 * What the people need who submit, watch, cancel, retry, download and browse runs, as a policy to attach to their groups or roles. A retry
 * goes on with its run itself, as the functions do; to delete anything, or to change the stack, is nobody's.
 */
export class People extends Construct {
  readonly policyArn: string;

  constructor(scope: Construct, id: string, { storage: { inputs, rankings, runs }, compute, topic }: PeopleProps) {
    super(scope, id);
    const { stackId, stackName } = Stack.of(this);
    const policy = new ManagedPolicy(this, 'Policy', {
      description: `Submit, watch, cancel, retry, download and browse runs of ${stackName}`,
    });
    // What --stack asks: the stack's outputs.
    policy.addStatements(
      new PolicyStatement({ sid: 'FindService', actions: ['cloudformation:DescribeStacks'], resources: [stackId] }),
    );
    grantObjects(policy, [
      { bucket: inputs, keys: `${UPLOADS}*`, write: true },
      { bucket: rankings, keys: '*' },
      { bucket: runs, keys: `${serviceKeys.configs}*`, write: true },
      { bucket: runs, keys: `${serviceKeys.answers}*` },
      { bucket: runs, keys: `${serviceKeys.history}*`, write: true },
      { bucket: runs, keys: `${serviceKeys.runs}*`, write: true },
    ]);
    grantRuns(policy, compute, topic);
    this.policyArn = policy.managedPolicyArn;
  }
}
