import { Stack } from 'aws-cdk-lib';
import type { JobQueue } from 'aws-cdk-lib/aws-batch';
import { type IGrantable, PolicyStatement, type PolicyStatementProps } from 'aws-cdk-lib/aws-iam';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { EVENT_SOURCE } from '../src/schemas/history.ts';
import { acknowledge } from './acknowledge.ts';
import type { Compute } from './compute.ts';
import { jobDefinitionNames } from './jobs.ts';

function allow(role: IGrantable, statement: PolicyStatementProps): void {
  role.grantPrincipal.addToPrincipalPolicy(new PolicyStatement(statement));
}

/** What it takes to go on with runs, beside their objects: their jobs, and to tell people and programs how they ended. */
export function grantRuns(role: IGrantable & Construct, { gpu, cpu }: Compute, topic: Topic): void {
  grantJobs(role, [gpu, cpu]);
  allow(role, { sid: 'Notify', actions: ['sns:Publish'], resources: [topic.topicArn] });
  grantEvents(role);
}

/** Who reconciles measures how long jobs wait, and switches the machines on demand on and off: those two environments, and no other. */
export function grantMachines(role: IGrantable & Construct, { gpu, cpu, onDemand }: Compute): void {
  allow(role, {
    sid: 'LookAtQueues',
    actions: ['batch:GetJobQueueSnapshot'],
    resources: [gpu, cpu].map(({ jobQueueArn }) => jobQueueArn),
  });
  allow(role, { sid: 'LookAtMachines', actions: ['batch:DescribeComputeEnvironments'], resources: ['*'] });
  allow(role, {
    sid: 'SwitchMachines',
    actions: ['batch:UpdateComputeEnvironment'],
    resources: [onDemand.gpu, onDemand.cpu].map(({ computeEnvironmentArn }) => computeEnvironmentArn),
  });
}

/** What a history gets is an event too; of no other source. */
function grantEvents(role: IGrantable & Construct): void {
  allow(role, {
    sid: 'SendEvents',
    actions: ['events:PutEvents'],
    resources: [Stack.of(role).formatArn({ service: 'events', resource: 'event-bus/default' })],
    conditions: { StringEquals: { 'events:source': EVENT_SOURCE } },
  });
}

/** To submit jobs to the queues, to look after them, and to end those of runs. */
function grantJobs(role: IGrantable & Construct, queues: readonly JobQueue[]): void {
  const stack = Stack.of(role);
  const names = jobDefinitionNames(stack.stackName);
  const definitions = [names.gpu, names.cpu].map((name) => `job-definition/${name}`);
  const arn = (resource: string) => stack.formatArn({ service: 'batch', resource });
  allow(role, {
    sid: 'SubmitJobs',
    actions: ['batch:SubmitJob'],
    // With and without revision: Batch checks the name as it was given.
    resources: [
      ...queues.map(({ jobQueueArn }) => jobQueueArn),
      ...definitions.flatMap((name) => [arn(name), arn(`${name}:*`)]),
    ],
  });
  // Jobs carry the name of their run as a tag, which makes their cost visible by run.
  allow(role, { sid: 'TagJobs', actions: ['batch:TagResource'], resources: [arn('job/*')] });
  // A run may be cancelled while its jobs are being submitted: then who submits ends them. Every job of ours has the tag.
  allow(role, {
    sid: 'EndJobs',
    actions: ['batch:TerminateJob'],
    resources: [arn('job/*')],
    conditions: { StringLike: { 'aws:ResourceTag/igd:run': '*' } },
  });
  // Of job definitions, the newest revision: a run keeps the one it began with.
  const reading = ['batch:DescribeJobs', 'batch:DescribeJobDefinitions', 'batch:ListJobs'];
  allow(role, { sid: 'ReadJobs', actions: reading, resources: ['*'] });
  const { partition, region, account } = {
    partition: '<AWS::Partition>',
    region: '<AWS::Region>',
    account: '<AWS::AccountId>',
  };
  const finding = (resource: string) => `Resource::arn:${partition}:batch:${region}:${account}:${resource}`;
  acknowledge(
    role,
    'AwsSolutions-IAM5',
    'Each deployment makes a new revision of the two job definitions, which the statement names.',
    definitions.map((name) => finding(`${name}:*`)),
  );
  acknowledge(
    role,
    'AwsSolutions-IAM5',
    'A job has no ARN anybody knows before it exists: these statements tag jobs, and end those that have a tag of ours.',
    [finding('job/*')],
  );
  acknowledge(role, 'AwsSolutions-IAM5', 'What describes or lists takes no resource here; it only reads.', [
    'Resource::*',
  ]);
}
