import { CfnOutput, Fn, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Service } from '../src/schemas/service.ts';
import { Compute } from './compute.ts';
import type { ServiceContext } from './context.ts';
import { runnerImages } from './images.ts';
import { Jobs, jobDefinitionNames } from './jobs.ts';
import { Network } from './network.ts';
import { Notifications } from './notifications.ts';
import { Observability } from './observability.ts';
import { Orchestration } from './orchestration.ts';
import { People } from './people.ts';
import { Pipeline } from './pipeline.ts';
import { Schedules } from './schedules.ts';
import { Storage } from './storage.ts';

/** The service: a config in a bucket becomes a report in the bucket. */
export class ServiceStack extends Stack {
  readonly zones: number;

  constructor(scope: Construct, id: string, context: ServiceContext) {
    super(scope, id, {
      stackName: context.stackName,
      description: 'igd: robustness evaluation of interpretability-guided test-time defences',
    });
    this.zones = context.zones;
    // CDK lists a function's role as its dependency, although the reference to it says the same.
    this.templateOptions.metadata = { 'cfn-lint': { config: { ignore_checks: ['W3005'] } } };

    const storage = new Storage(this, 'Storage', { retentionDays: context.retentionDays });
    const network = new Network(this, 'Network', { zones: context.zones });
    const compute = new Compute(this, 'Compute', { context, network });
    const { topic } = new Notifications(this, 'Notifications', { email: context.email });

    const parts: Service = {
      stack: this.stackName,
      region: this.region,
      buckets: {
        inputs: storage.inputs.bucketName,
        rankings: storage.rankings.bucketName,
        runs: storage.runs.bucketName,
      },
      queues: { gpu: compute.gpu.jobQueueArn, cpu: compute.cpu.jobQueueArn },
      jobDefinitions: jobDefinitionNames(this.stackName),
      gpuDevice: context.gpuDevice,
      topicArn: topic.topicArn,
      retentionDays: context.retentionDays,
      hourDollars: { gpu: context.gpuHourDollars, cpu: context.cpuHourDollars },
      maxDollars: context.maxDollars ?? null,
      fairShare: true,
      onDemand:
        context.onDemandAfterMinutes === 0
          ? null
          : {
              afterMinutes: context.onDemandAfterMinutes,
              environments: {
                gpu: compute.onDemand.gpu.computeEnvironmentArn,
                cpu: compute.onDemand.cpu.computeEnvironmentArn,
              },
            },
    };
    const service = this.toJsonString(parts);
    const otherInputs = context;
    const images = runnerImages(this, context);
    const jobs = new Jobs(this, 'Jobs', { stackName: this.stackName, images, storage, otherInputs, service });
    const queues = [compute.gpu, compute.cpu];
    const { planner, finalizer } = new Pipeline(this, 'Pipeline', { storage, compute, topic, otherInputs, service });
    new Orchestration(this, 'Orchestration', { runs: storage.runs, queues, planner, finalizer });
    new Schedules(this, 'Schedules', { folder: context.schedules, planner });
    new Observability(this, 'Observability', {
      compute,
      planner,
      finalizer,
      topic,
      gpuHourDollars: context.gpuHourDollars,
    });

    const people = new People(this, 'People', { storage, compute, topic });
    new CfnOutput(this, 'Service', { value: service, description: 'What the igd command reads (--stack)' });
    new CfnOutput(this, 'InputsBucket', { value: parts.buckets.inputs, description: 'Checkpoints and data sets' });
    new CfnOutput(this, 'RunsBucket', {
      value: parts.buckets.runs,
      description: 'configs/NAME.json in, runs/NAME/ out',
    });
    new CfnOutput(this, 'PeoplePolicyArn', { value: people.policyArn, description: 'Attach to those who submit runs' });
    new CfnOutput(this, 'ReaderRoleArns', {
      value: Fn.join(',', [planner.role.roleArn, jobs.role.roleArn]),
      description: 'Roles that read inputs: for policies of buckets and keys of other accounts',
    });
    new CfnOutput(this, 'TopicArn', { value: parts.topicArn, description: 'Notifications and alarms' });
  }

  /** Without a region CDK looks at two zones only; GPUs are scarce enough to ask in three. */
  override get availabilityZones(): string[] {
    return Array.from({ length: this.zones }, (_, index) => Fn.select(index, Fn.getAzs()));
  }
}
