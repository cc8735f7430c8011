import { Duration, Size } from 'aws-cdk-lib';
import {
  AllocationStrategy,
  type CfnComputeEnvironment,
  EcsMachineImageType,
  FargateComputeEnvironment,
  JobQueue,
  type JobStateTimeLimitAction,
  JobStateTimeLimitActionsReason,
  ManagedEc2EcsComputeEnvironment,
} from 'aws-cdk-lib/aws-batch';
import {
  BlockDeviceVolume,
  EbsDeviceVolumeType,
  InstanceClass,
  LaunchTemplate,
  MultipartBody,
  MultipartUserData,
  UserData,
} from 'aws-cdk-lib/aws-ec2';
import { ManagedPolicy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import type { ServiceContext } from './context.ts';
import type { Network } from './network.ts';

const FAMILIES: Readonly<Record<ServiceContext['gpuFamilies'][number], InstanceClass>> = {
  g4dn: InstanceClass.G4DN,
  g5: InstanceClass.G5,
  g6: InstanceClass.G6,
  g6e: InstanceClass.G6E,
  p5: InstanceClass.P5,
};

/** The image takes about 8 GB unpacked; four jobs on a host with four GPUs share the rest for checkpoints and data. */
const ROOT_VOLUME_SIZE = Size.gibibytes(100);

/**
 * Seconds between a container's SIGTERM and its SIGKILL. Spot gives 120 seconds notice, ECS polls for it every 5 and
 * drains the host at once: 90 leave a margin, and are three times the default of 30 for a batch of images to end.
 */
const CONTAINER_STOP_TIMEOUT_S = 90;

/**
 * A job that cannot start is cancelled, so that its run ends with a report that says so, instead of never. Ten minutes, the
 * least Batch accepts, for what waiting cannot cure; a day for capacity, which comes back at night.
 */
const JOB_STATE_TIME_LIMITS: JobStateTimeLimitAction[] = [
  { reason: JobStateTimeLimitActionsReason.COMPUTE_ENVIRONMENT_MAX_RESOURCE, maxTime: Duration.minutes(10) },
  { reason: JobStateTimeLimitActionsReason.JOB_RESOURCE_REQUIREMENT, maxTime: Duration.minutes(10) },
  { reason: JobStateTimeLimitActionsReason.INSUFFICIENT_INSTANCE_CAPACITY, maxTime: Duration.hours(24) },
];

export interface ComputeProps {
  readonly context: ServiceContext;
  readonly network: Network;
}

/**
 * Where jobs run: GPUs on EC2, small CPU runs on Fargate, Spot before on-demand in both, nothing while nothing is queued.
 *
 * Neither environments nor queues are named: a change that replaces one creates the new before it deletes the old, which
 * fails where both want one name.
 */
export class Compute extends Construct {
  readonly gpu: JobQueue;
  readonly cpu: JobQueue;

  constructor(scope: Construct, id: string, { context, network }: ComputeProps) {
    super(scope, id);
    const networking = {
      vpc: network.vpc,
      vpcSubnets: { subnets: network.vpc.publicSubnets },
      securityGroups: [network.jobs],
    };
    const launchTemplate = instanceLaunchTemplate(this);
    const gpus = {
      ...networking,
      instanceClasses: context.gpuFamilies.map((family) => FAMILIES[family]),
      // "optimal" adds c, m and r families, on which a GPU job cannot run.
      useOptimalInstanceClasses: false,
      images: [{ imageType: EcsMachineImageType.ECS_AL2023_NVIDIA }],
      instanceRole: instanceRole(this),
      launchTemplate,
      minvCpus: 0,
      maxvCpus: context.maxGpuVcpus,
    };
    // Prefers the pools that are least likely to be reclaimed among the cheap ones.
    const spot = AllocationStrategy.SPOT_PRICE_CAPACITY_OPTIMIZED;
    const onDemand = AllocationStrategy.BEST_FIT_PROGRESSIVE;
    const gpuSpot = new ManagedEc2EcsComputeEnvironment(this, 'GpuSpot', {
      ...gpus,
      spot: true,
      allocationStrategy: spot,
    });
    const gpuOnDemand = new ManagedEc2EcsComputeEnvironment(this, 'GpuOnDemand', {
      ...gpus,
      allocationStrategy: onDemand,
    });
    for (const environment of [gpuSpot, gpuOnDemand]) useLatestVersion(environment, launchTemplate);
    this.gpu = new JobQueue(this, 'GpuQueue', {
      computeEnvironments: [
        { order: 1, computeEnvironment: gpuSpot },
        { order: 2, computeEnvironment: gpuOnDemand },
      ],
      jobStateTimeLimitActions: JOB_STATE_TIME_LIMITS,
    });

    // Fargate and not EC2: a small run is over before an EC2 host would have joined, and there is no host to keep.
    const cpus = { ...networking, maxvCpus: context.maxCpuVcpus };
    this.cpu = new JobQueue(this, 'CpuQueue', {
      computeEnvironments: [
        { order: 1, computeEnvironment: new FargateComputeEnvironment(this, 'CpuSpot', { ...cpus, spot: true }) },
        { order: 2, computeEnvironment: new FargateComputeEnvironment(this, 'CpuOnDemand', cpus) },
      ],
      jobStateTimeLimitActions: JOB_STATE_TIME_LIMITS,
    });
  }
}

/** What the ECS agent on an instance needs; jobs have a role of their own and cannot reach this one (see the hop limit). */
function instanceRole(scope: Construct): Role {
  const role = new Role(scope, 'HostRole', {
    assumedBy: new ServicePrincipal('ec2.amazonaws.com'),
    managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName('service-role/AmazonEC2ContainerServiceforEC2Role')],
  });
  acknowledge(
    role,
    'AwsSolutions-IAM4',
    'AWS documents this policy for the ECS agent and changes it with the agent; a copy of ours would break hosts silently.',
    ['Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role'],
  );
  return role;
}

function instanceLaunchTemplate(scope: Construct): LaunchTemplate {
  const agent = UserData.forLinux();
  agent.addCommands(
    'echo ECS_ENABLE_SPOT_INSTANCE_DRAINING=true >> /etc/ecs/ecs.config',
    `echo ECS_CONTAINER_STOP_TIMEOUT=${CONTAINER_STOP_TIMEOUT_S}s >> /etc/ecs/ecs.config`,
  );
  // Batch adds a part of its own, so it takes user data in MIME parts only.
  const userData = new MultipartUserData();
  userData.addPart(MultipartBody.fromUserData(agent));
  return new LaunchTemplate(scope, 'Host', {
    userData,
    blockDevices: [
      {
        deviceName: '/dev/xvda',
        volume: BlockDeviceVolume.ebs(ROOT_VOLUME_SIZE.toGibibytes(), {
          encrypted: true,
          volumeType: EbsDeviceVolumeType.GP3,
        }),
      },
    ],
    requireImdsv2: true,
    // One hop ends on the host: a container, one hop further, cannot ask for the host's credentials.
    httpPutResponseHopLimit: 1,
  });
}

/** Without a version Batch stays with the template's first one, whatever later deployments change. */
function useLatestVersion(environment: ManagedEc2EcsComputeEnvironment, template: LaunchTemplate): void {
  const resource = environment.node.defaultChild as CfnComputeEnvironment;
  resource.addPropertyOverride('ComputeResources.LaunchTemplate.Version', template.latestVersionNumber);
}
