import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { readSchedules } from '../../infra/schedules.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { only, statements, synthesize } from './synthesized.ts';

const { template } = synthesize({ email: 'someone@example.org' });

describe('handlers', () => {
  test('run on Node 24, arm64, within what a new account may have', () => {
    template.resourceCountIs('AWS::Lambda::Function', 2);
    template.allResourcesProperties('AWS::Lambda::Function', {
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Timeout: 900,
      MemorySize: 3008,
      DeadLetterConfig: { TargetArn: Match.anyValue() },
      ReservedConcurrentExecutions: Match.absent(),
      Environment: { Variables: { IGD_SERVICE: Match.anyValue() } },
    });
    expect(only(template, 'AWS::Lambda::Function', 'PipelinePlanner')).toHaveProperty('EphemeralStorage.Size', 10_240);
  });

  test('tell the finalizer what the planner failed on for the last time, which may be called for that', () => {
    expect(only(template, 'AWS::Lambda::EventInvokeConfig', 'PipelinePlanner')).toMatchObject({
      MaximumRetryAttempts: 2,
      DestinationConfig: {
        OnFailure: { Destination: { 'Fn::GetAtt': [expect.stringMatching('^PipelineFinalizerFunction'), 'Arn'] } },
      },
    });
    const calls = statements(template, 'PipelinePlannerRole').filter(({ Sid }) => Sid === 'TellOfFailure');
    expect(calls).toMatchObject([
      {
        Action: 'lambda:InvokeFunction',
        Resource: { 'Fn::GetAtt': [expect.stringMatching('^PipelineFinalizer'), 'Arn'] },
      },
    ]);
  });

  test('have dead-letter queues, encrypted, and an alarm on each to the topic', () => {
    template.resourceCountIs('AWS::SQS::Queue', 2);
    template.allResourcesProperties('AWS::SQS::Queue', {
      SqsManagedSseEnabled: true,
      MessageRetentionPeriod: 14 * 86_400,
    });
    for (const name of ['Planner', 'Finalizer'])
      expect(only(template, 'AWS::CloudWatch::Alarm', `Observability${name}DeadLetters`)).toMatchObject({
        Namespace: 'AWS/SQS',
        MetricName: 'ApproximateNumberOfMessagesVisible',
        Threshold: 1,
        ComparisonOperator: 'GreaterThanOrEqualToThreshold',
        Dimensions: [
          {
            Name: 'QueueName',
            Value: { 'Fn::GetAtt': [expect.stringMatching(`^Pipeline${name}DeadLetters`), 'QueueName'] },
          },
        ],
        AlarmActions: [{ Ref: expect.stringMatching('^NotificationsTopic') }],
      });
  });
});

describe('events', () => {
  test('an upload plans a run; the planner’s own answers and files do not', () => {
    expect(only(template, 'AWS::Events::Rule', 'OrchestrationConfigUploaded')).toMatchObject({
      EventPattern: {
        source: ['aws.s3'],
        'detail-type': ['Object Created'],
        detail: {
          bucket: { name: [{ Ref: expect.stringMatching('^StorageRuns') }] },
          object: {
            key: [
              {
                'anything-but': {
                  wildcard: ['runs/*', 'answers/*', 'history/*', 'configs/*.rejected.json', 'configs/*.accepted.json'],
                },
              },
            ],
          },
        },
      },
      Targets: [
        { Arn: { 'Fn::GetAtt': [expect.stringMatching('^PipelinePlannerFunction'), 'Arn'] }, DeadLetterConfig: {} },
      ],
    });
  });

  test('jobs that end go to the finalizer: of our queues, and no children of arrays', () => {
    const rule = only(template, 'AWS::Events::Rule', 'OrchestrationJobEnded');
    expect(rule).toMatchObject({
      EventPattern: {
        source: ['aws.batch'],
        'detail-type': ['Batch Job State Change'],
        detail: { status: ['SUCCEEDED', 'FAILED'], arrayProperties: { index: [{ exists: false }] } },
      },
      Targets: [
        { Arn: { 'Fn::GetAtt': [expect.stringMatching('^PipelineFinalizerFunction'), 'Arn'] }, DeadLetterConfig: {} },
      ],
    });
    expect(rule).toHaveProperty('EventPattern.detail.jobQueue', [
      { 'Fn::GetAtt': [expect.stringMatching('^ComputeGpuFairQueue'), 'JobQueueArn'] },
      { 'Fn::GetAtt': [expect.stringMatching('^ComputeCpuFairQueue'), 'JobQueueArn'] },
    ]);
  });

  test('a timer starts the reconciler, for runs whose events were lost', () => {
    expect(only(template, 'AWS::Events::Rule', 'OrchestrationReconcile')).toMatchObject({
      ScheduleExpression: 'rate(10 minutes)',
      Targets: [{ Input: '{"reconcile":"all"}' }],
    });
  });
});

describe('notifications', () => {
  test('go to the address of the context, over TLS', () => {
    template.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'someone@example.org' });
    template.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
          Match.objectLike({ Sid: 'AllowAlarms', Principal: { Service: 'cloudwatch.amazonaws.com' } }),
        ]),
      },
    });
    synthesize().template.resourceCountIs('AWS::SNS::Subscription', 0);
  });
});

describe('schedules', () => {
  const config = {
    name: 'weekly',
    checkpoint: { uri: 's3://inputs/model.pt' },
    dataset: { format: 'cifar10', test: 's3://inputs/test.bin' },
    variants: ['none'],
    threat: { norm: 'Linf', epsilon: '8/255' },
    suite: 'apgd',
  };
  const checkoutWith = (name: string, ...schedules: object[]) => {
    const checkout = temporaryFolder('igd-schedules-');
    mkdirSync(join(checkout, name));
    schedules.forEach((schedule, index) => {
      writeFileSync(join(checkout, name, `${index}.json`), JSON.stringify(schedule));
    });
    return checkout;
  };
  const folderWith = (...schedules: object[]) => join(checkoutWith('schedules', ...schedules), 'schedules');
  const weekly = { name: 'weekly', schedule: 'rate(7 days)', config };

  test('call the planner with the config', () => {
    const schedules = folderWith(weekly);
    const schedule = only(synthesize({ schedules }).template, 'AWS::Scheduler::Schedule', 'Schedules') as {
      Target: { Input: string };
    };
    expect(schedule).toMatchObject({ ScheduleExpression: 'rate(7 days)', State: 'ENABLED' });
    expect(JSON.parse(schedule.Target.Input)).toEqual({
      schedule: { name: 'weekly', config, at: '<aws.scheduler.scheduled-time>' },
    });
  });

  test('are written as configs may be', () => {
    const schedules = temporaryFolder('igd-schedules-');
    writeFileSync(join(schedules, 'a.yaml'), `# ours\n${stringify({ ...weekly, name: 'a' })}`);
    writeFileSync(join(schedules, 'b.jsonc'), `// ours\n${JSON.stringify({ ...weekly, name: 'b' })}`);
    expect(readSchedules(schedules)).toEqual(['a', 'b'].map((name) => ({ ...weekly, name, enabled: true })));
    const names = {
      'c.yml': 'name: weekly\nname: monthly',
      'c.json': JSON.stringify({ ...weekly, name: 'n'.repeat(90) }),
    };
    for (const [file, text] of Object.entries(names)) writeFileSync(join(schedules, file), text);
    expect(() => readSchedules(schedules)).toThrow(/c\.json is not a schedule:.*is 90 characters long, at most 64/s);
    rmSync(join(schedules, 'c.json'));
    expect(() => readSchedules(schedules)).toThrow(/c\.yml: "name" stands twice, at line 1/);
  });

  test('the example is valid, and disabled', () => {
    template.allResourcesProperties('AWS::Scheduler::Schedule', { State: 'DISABLED' });
    template.resourceCountIs('AWS::Scheduler::Schedule', 1);
  });

  test('with a mistake fail the synth, and say where', () => {
    const bad = folderWith({ ...weekly, config: { ...config, suite: 'none' } });
    expect(() => synthesize({ schedules: bad })).toThrow(/0\.json.*suite/s);
    expect(() => synthesize({ schedules: folderWith({ ...weekly, schedule: 'weekly' }) })).toThrow('must be cron');
    expect(() => synthesize({ schedules: folderWith(weekly, weekly) })).toThrow('two schedules named "weekly"');
  });

  test('in a folder that is not there are refused: those of the stack would be deleted', () => {
    expect(() => synthesize({ schedules: 'schedulse' })).toThrow(/^-c schedules=schedulse: there is no folder/);
  });

  test('may be of parameter sweeps, which are checked value by value', () => {
    const swept = (values: readonly unknown[]) =>
      folderWith({ ...weekly, config: { ...config, sweep: { temperature: values } } });
    synthesize({ schedules: swept([0.5, 2]) }).template.resourceCountIs('AWS::Scheduler::Schedule', 1);
    expect(() => synthesize({ schedules: swept([0.5, -1]) })).toThrow(/0\.json, temperature -1.*temperature/s);
  });

  test('by their former names are refused, never left out', () => {
    expect(() => synthesize({ sweeps: 'nightly' })).toThrow('"sweeps" is called "schedules" now: give -c schedules=');
    const checkout = checkoutWith('sweeps', weekly);
    const cwd = vi.spyOn(process, 'cwd').mockReturnValue(checkout);
    try {
      expect(() => synthesize()).toThrow(
        `${join(checkout, 'sweeps')} holds schedules that are no longer read: 0.json. ` +
          `Move them to ${join(checkout, 'schedules')}, or keep them there and give -c schedules=sweeps`,
      );
      synthesize({ schedules: 'sweeps' }).template.resourceCountIs('AWS::Scheduler::Schedule', 1);
      rmSync(join(checkout, 'sweeps', '0.json'));
      synthesize().template.resourceCountIs('AWS::Scheduler::Schedule', 0);
    } finally {
      cwd.mockRestore();
    }
  });
});

describe('context', () => {
  test('comes as text from the command line', () => {
    const { template: other } = synthesize({
      gpuFamilies: 'g6e, p5',
      maxGpuVcpus: '192',
      zones: '2',
      stackName: 'other',
    });
    expect(only(other, 'AWS::Batch::ComputeEnvironment', 'ComputeGpuSpot')).toMatchObject({
      ComputeResources: { InstanceTypes: ['g6e.xlarge', 'g6e.2xlarge', 'p5.4xlarge'], MaxvCpus: 192 },
    });
    other.resourceCountIs('AWS::EC2::Subnet', 2);
    other.hasResourceProperties('AWS::Batch::JobDefinition', { JobDefinitionName: 'other-gpu' });
  });

  test('that is wrong is refused with every problem', () => {
    const wrong = () => synthesize({ gpuFamilies: 'c5', email: 'nobody' });
    expect(wrong).toThrow('gpuFamilies');
    expect(wrong).toThrow('email');
    expect(() => synthesize({ maxGpuVcpus: '2' })).toThrow('maxGpuVcpus');
  });

  test('may pin the base images by digest, and by nothing less', () => {
    const nodeImage = `node:24-bookworm-slim@sha256:${'0a'.repeat(32)}`;
    const { app, outdir } = synthesize({ nodeImage });
    app.synth();
    const assets: unknown = JSON.parse(readFileSync(join(outdir, 'igd.assets.json'), 'utf8'));
    expect(assets).toHaveProperty('dockerImages');
    const { dockerImages } = Object(assets);
    for (const { source } of Object.values<{ source: object }>(dockerImages))
      expect(source).toHaveProperty('dockerBuildArgs', { NODE_IMAGE: nodeImage });
    expect(Object.keys(dockerImages)).toHaveLength(2);
    expect(() => synthesize({ cudaImage: 'nvidia/cuda:13.0.1' })).toThrow(/cudaImage.*must end with a digest/s);
  });

  test('may name images that were built elsewhere', () => {
    const { template: other } = synthesize({ imageRepository: 'team/igd', imageTag: '1.2.3' });
    const images = JSON.stringify(other.findResources('AWS::Batch::JobDefinition'));
    expect(images).toContain('/team/igd:1.2.3-cuda');
    expect(images).toContain('/team/igd:1.2.3-cpu');
  });

  test('may compute on GPUs by WebGPU: the image says so, and the service too', () => {
    const { template: other } = synthesize({ imageRepository: 'team/igd', gpuDevice: 'webgpu' });
    const images = JSON.stringify(other.findResources('AWS::Batch::JobDefinition'));
    expect(images).toContain('/team/igd:latest-webgpu');
    expect(images).not.toContain('latest-cuda');
    expect(JSON.stringify(other.findOutputs('Service'))).toContain(String.raw`\"gpuDevice\":\"webgpu\"`);
    expect(() => synthesize({ gpuDevice: 'metal' })).toThrow(/gpuDevice/);
  });
});
