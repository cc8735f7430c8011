import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/errors.ts';
import { serviceKeys, serviceSchema } from '../../src/schemas/service.ts';
import { only, type Statement, statements, synthesize } from './synthesized.ts';

const { template } = synthesize({ email: 'someone@example.org' });

describe('buckets', () => {
  test('are encrypted, closed to the public, and kept when the stack goes', () => {
    const buckets = template.findResources('AWS::S3::Bucket');
    expect(Object.keys(buckets)).toHaveLength(4);
    template.allResourcesProperties('AWS::S3::Bucket', {
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      LifecycleConfiguration: {
        Rules: Match.arrayWith([Match.objectLike({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } })]),
      },
    });
    template.allResources('AWS::S3::Bucket', { DeletionPolicy: 'Retain' });
  });

  test('refuse anything but TLS', () => {
    template.allResourcesProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Action: 's3:*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
        ]),
      },
    });
  });

  test('log access; inputs keep versions; the runs bucket sends events without a custom resource', () => {
    for (const name of ['Inputs', 'Rankings', 'Runs'])
      expect(only(template, 'AWS::S3::Bucket', `Storage${name}`)).toHaveProperty(
        'LoggingConfiguration.DestinationBucketName',
      );
    expect(only(template, 'AWS::S3::Bucket', 'StorageInputs')).toHaveProperty(
      'VersioningConfiguration.Status',
      'Enabled',
    );
    expect(only(template, 'AWS::S3::Bucket', 'StorageRuns')).toHaveProperty(
      'NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled',
      true,
    );
    const types = Object.values(template.toJSON().Resources as Record<string, { Type: string }>).map(
      ({ Type }) => Type,
    );
    expect(
      types.filter((type) => type.startsWith('Custom::') || type === 'AWS::CloudFormation::CustomResource'),
    ).toEqual([]);
    // Two handlers and no helper of CDK's.
    template.resourceCountIs('AWS::Lambda::Function', 2);
  });

  test('expire runs after the retention, or never', () => {
    const [rules, kept] = [expirationsOfRuns(template), expirationsOfRuns(synthesize({ retentionDays: '0' }).template)];
    const daysOf = (key: string) =>
      rules.filter(({ Prefix = '' }) => key.startsWith(Prefix)).map((rule) => rule.ExpirationInDays);
    for (const name of ['a', 'Z', '0', '_', '-']) expect(daysOf(serviceKeys.run(`${name}b-0`))).toEqual([365]);
    // Whichever of two rules is the shorter would win.
    expect(daysOf(serviceKeys.claim('a', 1))).toEqual([455]);
    expect(daysOf(serviceKeys.outcome('a', 1))).toEqual([455]);
    expect(kept.filter(({ Prefix }) => Prefix?.startsWith('runs/'))).toEqual([]);
    // It outlives the runs.
    expect(daysOf(serviceKeys.historyEntry('a', '2026-11-12T03:00:00.000Z', 'b-0'))).toEqual([]);
  });

  test('keep versions of configs, and of what runs overwrite for a day', () => {
    const runs = only(template, 'AWS::S3::Bucket', 'StorageRuns');
    expect(runs).toHaveProperty('VersioningConfiguration.Status', 'Enabled');
    const versions = (Prefix: string, NoncurrentDays: number) =>
      expect.objectContaining({ Prefix, NoncurrentVersionExpiration: { NoncurrentDays } });
    expect(runs).toHaveProperty(
      'LifecycleConfiguration.Rules',
      expect.arrayContaining([versions('configs/', 90), versions('runs/', 1)]),
    );
  });
});

interface Expiration {
  readonly Prefix?: string;
  readonly ExpirationInDays?: number;
}

function expirationsOfRuns(of: typeof template): Expiration[] {
  const { LifecycleConfiguration } = Object(only(of, 'AWS::S3::Bucket', 'StorageRuns'));
  return LifecycleConfiguration.Rules.filter(({ ExpirationInDays }: Expiration) => ExpirationInDays !== undefined);
}

describe('network', () => {
  test('costs nothing at rest and lets nothing in', () => {
    template.resourceCountIs('AWS::EC2::NatGateway', 0);
    template.resourceCountIs('AWS::EC2::EIP', 0);
    template.resourceCountIs('AWS::EC2::SecurityGroupIngress', 0);
    template.resourceCountIs('AWS::EC2::VPCEndpoint', 1);
    template.hasResourceProperties('AWS::EC2::VPCEndpoint', { VpcEndpointType: 'Gateway' });
    template.allResourcesProperties('AWS::EC2::SecurityGroup', { SecurityGroupIngress: Match.absent() });
    template.resourceCountIs('AWS::EC2::Subnet', 3);
  });
});

/** What hosts do when they start. */
function userData(): string {
  const launch = Object.values(template.findResources('AWS::EC2::LaunchTemplate'))[0];
  return JSON.stringify(launch?.Properties.LaunchTemplateData.UserData);
}

describe('Batch', () => {
  test('tries Spot before on-demand, scales to zero, and names nothing that may be replaced', () => {
    for (const kind of ['Gpu', 'Cpu']) {
      const queue = only(template, 'AWS::Batch::JobQueue', `Compute${kind}FairQueue`);
      expect(queue.SchedulingPolicyArn).toEqual({
        'Fn::GetAtt': [expect.stringMatching('^ComputeFairShare'), 'Arn'],
      });
      expect(queue).not.toHaveProperty('JobQueueName');
      expect(queue.ComputeEnvironmentOrder).toEqual([
        {
          Order: 1,
          ComputeEnvironment: { 'Fn::GetAtt': [expect.stringMatching(`^Compute${kind}Spot`), 'ComputeEnvironmentArn'] },
        },
        {
          Order: 2,
          ComputeEnvironment: {
            'Fn::GetAtt': [expect.stringMatching(`^Compute${kind}OnDemand`), 'ComputeEnvironmentArn'],
          },
        },
      ]);
    }
    template.allResourcesProperties('AWS::Batch::ComputeEnvironment', { ComputeEnvironmentName: Match.absent() });
    const types = { GpuSpot: 'SPOT', GpuOnDemand: 'EC2', CpuSpot: 'FARGATE_SPOT', CpuOnDemand: 'FARGATE' };
    for (const [name, type] of Object.entries(types))
      expect(only(template, 'AWS::Batch::ComputeEnvironment', `Compute${name}`)).toHaveProperty(
        'ComputeResources.Type',
        type,
      );
    for (const name of ['GpuSpot', 'GpuOnDemand'])
      expect(only(template, 'AWS::Batch::ComputeEnvironment', `Compute${name}`).ComputeResources).toMatchObject({
        MinvCpus: 0,
        MaxvCpus: 64,
        InstanceTypes: ['g5.xlarge', 'g5.2xlarge', 'g6.xlarge', 'g6.2xlarge'],
        UpdateToLatestImageVersion: true,
        Ec2Configuration: [{ ImageType: 'ECS_AL2023_NVIDIA' }],
        LaunchTemplate: { Version: { 'Fn::GetAtt': [expect.stringMatching('^ComputeHost'), 'LatestVersionNumber'] } },
      });
  });

  test('has its machines on demand off until the reconciler switches them on, or always on', () => {
    const stateOf = (of: typeof template, name: string) =>
      only(of, 'AWS::Batch::ComputeEnvironment', `Compute${name}`).State;
    const always = synthesize({ onDemandAfterMinutes: '0' }).template;
    for (const kind of ['Gpu', 'Cpu']) {
      expect(stateOf(template, `${kind}Spot`)).toBe('ENABLED');
      expect(stateOf(template, `${kind}OnDemand`)).toBe('DISABLED');
      expect(stateOf(always, `${kind}OnDemand`)).toBe('ENABLED');
    }
    expect(flat(template.findOutputs('Service').Service?.Value)).toContain('"onDemand":{"afterMinutes":20,');
    expect(flat(always.findOutputs('Service').Service?.Value)).toContain('"onDemand":null');
  });

  test('keeps jobs from the credentials of their host', () => {
    template.hasResourceProperties('AWS::EC2::LaunchTemplate', {
      LaunchTemplateData: { MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 } },
    });
    // Jobs share their host's network: the hop limit alone is no wall.
    expect(userData()).toContain(
      'iptables --insert OUTPUT --destination 169.254.169.254 --match owner --uid-owner 1000 --jump REJECT',
    );
  });

  test('cleans up after containers at once, and keeps inputs for the next job of a host', () => {
    expect(userData()).toContain('ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=1m');
    expect(userData()).toContain('install -d -o 1000 -g 1000 -m 0700 /var/lib/igd/inputs');
    const { ContainerProperties: gpu } = only(template, 'AWS::Batch::JobDefinition', 'JobsGpu');
    expect(gpu).toMatchObject({
      Volumes: expect.arrayContaining([{ Name: 'inputs', Host: { SourcePath: '/var/lib/igd/inputs' } }]),
      MountPoints: expect.arrayContaining([
        expect.objectContaining({ ContainerPath: '/inputs', SourceVolume: 'inputs' }),
      ]),
      Environment: expect.arrayContaining([{ Name: 'IGD_INPUTS', Value: '/inputs' }]),
    });
    const { ContainerProperties: cpu } = only(template, 'AWS::Batch::JobDefinition', 'JobsCpu');
    expect(JSON.stringify(cpu)).not.toContain('inputs"');
  });

  test('keeps the revisions of job definitions that runs began with', () => {
    template.allResourcesProperties('AWS::Batch::JobDefinition', {
      ResourceRetentionPolicy: { SkipDeregisterOnUpdate: true },
    });
  });

  test('refuses what is wrong with its context by name, and a key that nothing reads where another may be meant', () => {
    for (const [key, value] of Object.entries({ retentionDays: 'x', email: 'x' }))
      expect(() => synthesize({ [key]: value })).toThrow(ConfigError);
    for (const key of ['maxDolars', 'max-dollars', 'MAX_DOLLARS', 'maxdollar'])
      expect(() => synthesize({ [key]: '100' })).toThrow(`"${key}" is read by nothing: if "maxDollars" is meant`);
  });

  test('says of a key that is near to none that nothing reads it', () => {
    const { stack } = synthesize({ budget: '100' });
    const warned = Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp('"budget" is read by nothing'));
    expect(warned).toHaveLength(1);
  });

  test('refuses a limit that no host of a family fits under', () => {
    expect(() => synthesize({ gpuFamilies: 'p5', maxGpuVcpus: '8' })).toThrow(
      /maxGpuVcpus 8 holds no p5.4xlarge: give 16/,
    );
  });

  test.each([
    ['Gpu', 'igd-gpu', 'Host EC2*'],
    ['Cpu', 'igd-cpu', 'Your Spot Task was interrupted*'],
  ])('%s jobs are tried again when reclaimed, and not when they fail', (kind, name, reclaimed) => {
    const { JobDefinitionName, RetryStrategy, Timeout, ContainerProperties } = only(
      template,
      'AWS::Batch::JobDefinition',
      `Jobs${kind}`,
    ) as {
      JobDefinitionName: string;
      RetryStrategy: { Attempts: number; EvaluateOnExit: Record<string, string>[] };
      Timeout: { AttemptDurationSeconds: number };
      ContainerProperties: Record<string, unknown>;
    };
    expect(JobDefinitionName).toBe(name);
    expect(RetryStrategy.Attempts).toBe(5);
    expect(RetryStrategy.EvaluateOnExit[0]).toEqual({ Action: 'RETRY', OnStatusReason: reclaimed });
    // Told to stop, and a device that does not compute (containers/runner/start.sh).
    expect(RetryStrategy.EvaluateOnExit).toContainEqual({ Action: 'RETRY', OnExitCode: '143' });
    expect(RetryStrategy.EvaluateOnExit).toContainEqual({ Action: 'RETRY', OnExitCode: '75' });
    expect(RetryStrategy.EvaluateOnExit.at(-1)).toEqual({ Action: 'EXIT', OnReason: '*' });
    expect(RetryStrategy.EvaluateOnExit.length).toBeLessThanOrEqual(5);
    expect(Timeout.AttemptDurationSeconds).toBe(12 * 3600);
    expect(ContainerProperties).toMatchObject({ User: '1000', ReadonlyRootFilesystem: true });
    const gpus = (ContainerProperties.ResourceRequirements as { Type: string; Value: string }[]).filter(
      ({ Type }) => Type === 'GPU',
    );
    expect(gpus).toEqual(kind === 'Gpu' ? [{ Type: 'GPU', Value: '1' }] : []);
  });

  test('jobs that cannot start are cancelled', () => {
    template.allResourcesProperties('AWS::Batch::JobQueue', {
      JobStateTimeLimitActions: Match.arrayWith([
        Match.objectLike({
          Action: 'CANCEL',
          MaxTimeSeconds: 600,
          Reason: 'MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT',
        }),
      ]),
    });
  });
});

interface Properties {
  readonly PolicyDocument: { readonly Statement: Statement[] };
}

describe('permissions', () => {
  const roles = ['PipelinePlannerRole', 'PipelineFinalizerRole', 'JobsRole', 'JobsGpuContainer', 'JobsCpuContainer'];
  const actions = (prefix: string) =>
    statements(template, prefix)
      .filter(({ Effect }) => Effect === 'Allow')
      .flatMap(({ Action }) => Action)
      .sort();

  test('name every action', () => {
    for (const role of roles) {
      expect(actions(role).length, role).toBeGreaterThan(0);
      expect(
        actions(role).filter((action) => action.includes('*')),
        role,
      ).toEqual([]);
    }
    expect(actions('Schedules')).toEqual(['lambda:InvokeFunction', 'sqs:SendMessage']);
  });

  test('have no resource "*", but for what takes none', () => {
    const wide = roles.flatMap((role) =>
      statements(template, role)
        .filter(({ Resource }) => Resource === '*')
        .flatMap(({ Action }) => Action),
    );
    expect([...new Set(wide)].sort()).toEqual([
      'batch:DescribeComputeEnvironments',
      'batch:DescribeJobDefinitions',
      'batch:DescribeJobs',
      'batch:ListJobs',
      'ecr:GetAuthorizationToken',
    ]);
  });

  test('of a job: read inputs, write rankings and runs, remove saved states, nothing else', () => {
    expect(actions('JobsRole')).toEqual([
      's3:AbortMultipartUpload',
      's3:DeleteObject',
      's3:GetObject',
      's3:GetObjectVersion',
      's3:ListBucket',
      's3:PutObject',
    ]);
    const write = JSON.stringify(statements(template, 'JobsRole').find(({ Sid }) => Sid === 'WriteObjects')?.Resource);
    expect(write).not.toContain('StorageInputs');
    expect(write).toContain('/runs/*');
    expect(write).not.toContain('configs');
  });

  test('to remove anything have jobs alone, and nothing but states they saved', () => {
    const removing = Object.values(template.findResources('AWS::IAM::Policy'))
      .flatMap((policy): Statement[] => policy.Properties.PolicyDocument.Statement)
      .filter(
        ({ Effect, Action }) => Effect === 'Allow' && [Action].flat().some((name) => /s3:(Delete|\*)/.test(name)),
      );
    expect(removing).toEqual([
      {
        Sid: 'RemoveObjects',
        Effect: 'Allow',
        Action: 's3:DeleteObject',
        Resource: {
          'Fn::Join': ['', [{ 'Fn::GetAtt': [expect.stringMatching('^StorageRuns'), 'Arn'] }, '/runs/*/state/*']],
        },
      },
    ]);
    expect(statements(template, 'JobsRole')).toContainEqual(removing[0]);
    expect(serviceKeys.states).toBe(`${serviceKeys.run('*')}state/*`);
  });

  test('of the planner: no write to inputs; jobs only in our queues, from our definitions', () => {
    const policy = statements(template, 'PipelinePlannerRole');
    const write = JSON.stringify(policy.find(({ Sid }) => Sid === 'WriteObjects')?.Resource);
    expect(write).not.toContain('StorageInputs');
    expect(write).toContain('/configs/*');
    const submit = policy.find(({ Sid }) => Sid === 'SubmitJobs');
    expect(submit).toMatchObject({ Action: 'batch:SubmitJob', Resource: expect.any(Array) });
    const resources = [submit?.Resource].flat().map((resource) => JSON.stringify(resource));
    expect(resources).toHaveLength(6);
    expect(resources.filter((resource) => resource.includes('JobQueueArn'))).toHaveLength(2);
    expect(resources.filter((resource) => /:job-definition\/igd-(gpu|cpu)(:\*)?"/.test(resource))).toHaveLength(4);
    expect(policy.find(({ Sid }) => Sid === 'Notify')).toMatchObject({
      Action: 'sns:Publish',
      Resource: { Ref: expect.stringMatching('^NotificationsTopic') },
    });
  });

  test('to send events: as igd, to the default bus, and to write histories; of no job', () => {
    for (const role of ['PipelinePlannerRole', 'PipelineFinalizerRole']) {
      const policy = statements(template, role);
      const sending = policy.filter(({ Action }) => JSON.stringify(Action).includes('events:'));
      expect(sending).toMatchObject([
        { Action: 'events:PutEvents', Condition: { StringEquals: { 'events:source': 'igd' } } },
      ]);
      expect(JSON.stringify(sending[0]?.Resource)).toContain(':event-bus/default"');
      expect(JSON.stringify(policy.find(({ Sid }) => Sid === 'WriteObjects'))).toContain('/history/*');
    }
    expect(actions('JobsRole').filter((action) => action.startsWith('events:'))).toEqual([]);
    expect(JSON.stringify(statements(template, 'JobsRole'))).not.toContain('history');
  });

  test('to end jobs: those alone that carry the tag of a run', () => {
    for (const role of ['PipelinePlannerRole', 'PipelineFinalizerRole']) {
      const ending = statements(template, role).filter(({ Action }) => [Action].flat().includes('batch:TerminateJob'));
      expect(ending).toMatchObject([
        { Sid: 'EndJobs', Condition: { StringLike: { 'aws:ResourceTag/igd:run': '*' } }, Resource: expect.anything() },
      ]);
      expect(JSON.stringify(ending)).toContain(':job/*');
    }
    expect(actions('JobsRole').filter((action) => action.startsWith('batch:'))).toEqual([]);
  });

  test('to switch machines: has the finalizer alone, and of those on demand', () => {
    const switching = statements(template, 'Pipeline').filter(({ Sid }) => Sid === 'SwitchMachines');
    const environment = (kind: string) => ({
      'Fn::GetAtt': [expect.stringMatching(`^Compute${kind}OnDemand`), 'ComputeEnvironmentArn'],
    });
    expect(switching).toMatchObject([
      { Action: 'batch:UpdateComputeEnvironment', Resource: [environment('Cpu'), environment('Gpu')] },
    ]);
    expect(statements(template, 'PipelineFinalizerRole')).toContainEqual(switching[0]);
  });

  test('of people: what the commands need, and to delete nothing; no wildcard in an action', () => {
    const policies = Object.values(template.findResources('AWS::IAM::ManagedPolicy')) as { Properties: Properties }[];
    expect(policies).toHaveLength(1);
    const people = policies.flatMap(({ Properties: { PolicyDocument } }) => PolicyDocument.Statement);
    expect(people.flatMap(({ Action }) => Action).sort()).toEqual([
      'batch:DescribeJobDefinitions',
      'batch:DescribeJobs',
      'batch:ListJobs',
      'batch:SubmitJob',
      'batch:TagResource',
      'batch:TerminateJob',
      'cloudformation:DescribeStacks',
      'events:PutEvents',
      's3:AbortMultipartUpload',
      's3:GetObject',
      's3:GetObjectVersion',
      's3:ListBucket',
      's3:PutObject',
      'sns:Publish',
    ]);
    const written = JSON.stringify(people.find(({ Sid }) => Sid === 'WriteObjects')?.Resource);
    expect(written).not.toMatch(/Rankings|AccessLogs|answers/);
    expect(written).toMatch(/StorageInputs\w+","Arn"\]\},"\/inputs\/\*"/);
    expect(template.findOutputs('PeoplePolicyArn').PeoplePolicyArn?.Value).toEqual({
      Ref: expect.stringMatching('^PeoplePolicy'),
    });
  });

  test('of other buckets: to read those that the context names, with their keys, for the planner and jobs', () => {
    const key = 'arn:aws:kms:eu-west-1:123456789012:key/12ab-34cd';
    const given = { inputBuckets: 'zoo, lab', requesterPays: 'dear', kmsKeys: key };
    const { template: other } = synthesize(given);
    const arn = (name: string) => ({ 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, `:s3:::${name}`]] });
    for (const role of ['PipelinePlannerRole', 'JobsRole']) {
      const granted = statements(other, role);
      expect(granted.find(({ Sid }) => Sid === 'ReadOtherObjects')).toMatchObject({
        Action: ['s3:GetObject', 's3:GetObjectVersion'],
        Resource: ['dear/*', 'lab/*', 'zoo/*'].map(arn),
      });
      expect(granted.find(({ Sid }) => Sid === 'ListOtherBuckets')?.Resource).toEqual(['dear', 'lab', 'zoo'].map(arn));
      expect(granted.find(({ Sid }) => Sid === 'DecryptOtherObjects')).toMatchObject({
        Action: 'kms:Decrypt',
        Resource: key,
      });
      expect(JSON.stringify(statements(template, role))).not.toContain('Other');
    }
    expect(only(other, 'AWS::Lambda::Function', 'PipelinePlanner')).toHaveProperty(
      'Environment.Variables.IGD_REQUESTER_PAYS',
      'dear',
    );
    for (const job of ['JobsGpu', 'JobsCpu'])
      expect(only(other, 'AWS::Batch::JobDefinition', job)).toHaveProperty(
        'ContainerProperties.Environment',
        expect.arrayContaining([{ Name: 'IGD_REQUESTER_PAYS', Value: 'dear' }]),
      );
    expect(JSON.stringify(statements(other, 'PipelineFinalizerRole'))).not.toContain('Other');
    expect(() => synthesize({ inputBuckets: 's3://zoo' })).toThrow(/inputBuckets.*name of a bucket/s);
    expect(() => synthesize({ kmsKeys: 'alias/mine' })).toThrow(/kmsKeys.*ARN of a key/s);
  });

  test('of the finalizer: no inputs, and of configs that it rejected some', () => {
    const policy = statements(template, 'PipelineFinalizerRole');
    expect(JSON.stringify(policy)).not.toContain('StorageInputs');
    const written = JSON.stringify(policy.find(({ Sid }) => Sid === 'WriteObjects'));
    expect(written).toContain('/configs/*.rejected.json');
    expect(written).not.toContain('/configs/*"');
  });
});

test('the output Service is what the command line reads', () => {
  const value: unknown = template.findOutputs('Service').Service?.Value;
  const text = flat(value);
  expect(serviceSchema.parse(JSON.parse(text))).toMatchObject({
    stack: 'igd',
    jobDefinitions: { gpu: 'igd-gpu', cpu: 'igd-cpu' },
  });
});

/** A Fn::Join as text, each reference by its name. */
function flat(value: unknown): string {
  const parts = (value as { 'Fn::Join': [string, (string | object)[]] })['Fn::Join'][1];
  return parts.map((part) => (typeof part === 'string' ? part : JSON.stringify(part).replaceAll('"', ''))).join('');
}
