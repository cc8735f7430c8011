import { Size, Stack } from 'aws-cdk-lib';
import type { JobQueue } from 'aws-cdk-lib/aws-batch';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { EVENT_SOURCE } from '../src/schemas/history.ts';
import { serviceKeys } from '../src/schemas/service.ts';
import { grantObjects, type ObjectAccess } from './access.ts';
import { acknowledge } from './acknowledge.ts';
import type { Compute } from './compute.ts';
import { Handler } from './functions.ts';
import { jobDefinitionNames } from './jobs.ts';
import type { Storage } from './storage.ts';

/** A data set (CIFAR: 170 MB), and a checkpoint of up to some GB beside it: as much room as Lambda gives. */
const PLANNER_EPHEMERAL_STORAGE = Size.gibibytes(10);

export interface PipelineProps {
  readonly storage: Storage;
  readonly compute: Compute;
  readonly topic: Topic;
  readonly service: string;
}

/** The two functions and what they may do: the planner starts runs, the finalizer goes on with them and ends them. */
export class Pipeline extends Construct {
  readonly planner: Handler;
  readonly finalizer: Handler;

  constructor(scope: Construct, id: string, { storage, compute, topic, service }: PipelineProps) {
    super(scope, id);
    const queues = [compute.gpu, compute.cpu];
    const { inputs, rankings, runs } = storage;
    this.finalizer = new Handler(this, 'Finalizer', {
      name: 'finalizer',
      service,
      description: 'Submits the next stage of a run, or writes its report; answers configs that the planner died of',
    });
    this.planner = new Handler(this, 'Planner', {
      name: 'planner',
      service,
      description: 'Validates a config, claims and plans its run, submits its jobs',
      onFailure: this.finalizer,
      ephemeralStorageSize: PLANNER_EPHEMERAL_STORAGE,
    });
    const ofRuns: ObjectAccess = { bucket: runs, keys: `${serviceKeys.runs}*`, write: true };
    const ofRankings: ObjectAccess = { bucket: rankings, keys: '*' };
    // It reads configs, and answers; a ranking a config names is imported into the store.
    const ofConfigs: ObjectAccess = { bucket: runs, keys: `${serviceKeys.configs}*`, write: true };
    const ofAnswers: ObjectAccess = { bucket: runs, keys: `${serviceKeys.answers}*`, write: true };
    const ofHistory: ObjectAccess = { bucket: runs, keys: `${serviceKeys.history}*`, write: true };
    const ofPlanner = [
      { bucket: inputs, keys: '*' },
      { ...ofRankings, write: true },
      ofConfigs,
      ofAnswers,
      ofHistory,
      ofRuns,
    ];
    grantObjects(this.planner.role, ofPlanner);
    // It answers where the planner could not: that a config was rejected.
    const ofRejections: ObjectAccess = { bucket: runs, keys: serviceKeys.rejected('*'), write: true };
    const ofFinalizer = [ofRankings, ofRuns, ofAnswers, ofHistory, { ...ofConfigs, write: false }, ofRejections];
    grantObjects(this.finalizer.role, ofFinalizer);
    for (const handler of [this.planner, this.finalizer]) {
      grantJobs(handler, queues);
      handler.addToRolePolicy({ sid: 'Notify', actions: ['sns:Publish'], resources: [topic.topicArn] });
      grantEvents(handler);
    }
    grantMachines(this.finalizer, compute);
  }
}

/** Who reconciles measures how long jobs wait, and switches the machines on demand on and off: those two environments, and no other. */
function grantMachines(handler: Handler, { gpu, cpu, onDemand }: Compute): void {
  handler.addToRolePolicy({
    sid: 'LookAtQueues',
    actions: ['batch:GetJobQueueSnapshot'],
    resources: [gpu, cpu].map(({ jobQueueArn }) => jobQueueArn),
  });
  handler.addToRolePolicy({ sid: 'LookAtMachines', actions: ['batch:DescribeComputeEnvironments'], resources: ['*'] });
  handler.addToRolePolicy({
    sid: 'SwitchMachines',
    actions: ['batch:UpdateComputeEnvironment'],
    resources: [onDemand.gpu, onDemand.cpu].map(({ computeEnvironmentArn }) => computeEnvironmentArn),
  });
}

/** What a history gets is an event too; of no other source. */
function grantEvents(handler: Handler): void {
  handler.addToRolePolicy({
    sid: 'SendEvents',
    actions: ['events:PutEvents'],
    resources: [Stack.of(handler).formatArn({ service: 'events', resource: 'event-bus/default' })],
    conditions: { StringEquals: { 'events:source': EVENT_SOURCE } },
  });
}

function grantJobs(handler: Handler, queues: readonly JobQueue[]): void {
  const stack = Stack.of(handler);
  const names = jobDefinitionNames(stack.stackName);
  const definitions = [names.gpu, names.cpu].map((name) => `job-definition/${name}`);
  const arn = (resource: string) => stack.formatArn({ service: 'batch', resource });
  handler.addToRolePolicy({
    sid: 'SubmitJobs',
    actions: ['batch:SubmitJob'],
    // With and without revision: Batch checks the name as it was given.
    resources: [
      ...queues.map(({ jobQueueArn }) => jobQueueArn),
      ...definitions.flatMap((name) => [arn(name), arn(`${name}:*`)]),
    ],
  });
  // Jobs carry the name of their run as a tag, which makes their cost visible by run.
  handler.addToRolePolicy({ sid: 'TagJobs', actions: ['batch:TagResource'], resources: [arn('job/*')] });
  // A run may be cancelled while its jobs are being submitted: then who submits ends them. Every job of ours has the tag.
  handler.addToRolePolicy({
    sid: 'EndJobs',
    actions: ['batch:TerminateJob'],
    resources: [arn('job/*')],
    conditions: { StringLike: { 'aws:ResourceTag/igd:run': '*' } },
  });
  // Of job definitions, the newest revision: a run keeps the one it began with.
  const reading = ['batch:DescribeJobs', 'batch:DescribeJobDefinitions', 'batch:ListJobs'];
  handler.addToRolePolicy({ sid: 'ReadJobs', actions: reading, resources: ['*'] });
  const { partition, region, account } = {
    partition: '<AWS::Partition>',
    region: '<AWS::Region>',
    account: '<AWS::AccountId>',
  };
  const finding = (resource: string) => `Resource::arn:${partition}:batch:${region}:${account}:${resource}`;
  acknowledge(
    handler.role,
    'AwsSolutions-IAM5',
    'Each deployment makes a new revision of the two job definitions, which the statement names.',
    definitions.map((name) => finding(`${name}:*`)),
  );
  acknowledge(
    handler.role,
    'AwsSolutions-IAM5',
    'A job has no ARN anybody knows before it exists: these statements tag jobs, and end those that have a tag of ours.',
    [finding('job/*')],
  );
  acknowledge(handler.role, 'AwsSolutions-IAM5', 'What describes or lists takes no resource here; it only reads.', [
    'Resource::*',
  ]);
}
