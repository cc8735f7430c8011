import { Duration, Size } from 'aws-cdk-lib';
import {
  AllocationStrategy,
  type CfnComputeEnvironment,
  EcsMachineImageType,
  FairshareSchedulingPolicy,
  FargateComputeEnvironment,
  JobQueue,
  type JobStateTimeLimitAction,
  JobStateTimeLimitActionsReason,
  ManagedEc2EcsComputeEnvironment,
} from 'aws-cdk-lib/aws-batch';
import {
  BlockDeviceVolume,
  EbsDeviceVolumeType,
  InstanceType,
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

/**
 * Sizes with one GPU and the fewest vCPUs that hold a job (4). By families alone Batch takes what a vCPU is cheapest of: for 64 vCPUs one
 * 16xlarge with one GPU, four times the price of the work. The second size of each is there for zones that lack the first.
 */
const SIZES: Readonly<Record<ServiceContext['gpuFamilies'][number], readonly string[]>> = {
  g4dn: ['g4dn.xlarge', 'g4dn.2xlarge'],
  g5: ['g5.xlarge', 'g5.2xlarge'],
  g6: ['g6.xlarge', 'g6.2xlarge'],
  g6e: ['g6e.xlarge', 'g6e.2xlarge'],
  // The only one with one GPU: 16 vCPUs.
  p5: ['p5.4xlarge'],
};

/** The image takes about 8 GB unpacked; the rest is for what a job downloads and what the host keeps of it for the next. */
const ROOT_VOLUME_SIZE = Size.gibibytes(100);

/**
 * Seconds between a container's SIGTERM and its SIGKILL. Spot gives 120 seconds notice, ECS polls for it every 5 and
 * drains the host at once: 90 leave a margin, and are three times the default of 30 for a batch of images to end.
 */
const CONTAINER_STOP_TIMEOUT_S = 90;

/**
 * After that long a stopped container and its /scratch are removed. ECS would keep them three hours: with a data set of 6 GB and a job
 * every ten minutes more than the disk holds.
 */
const CLEANUP_WAIT = '1m';

/** Inputs that jobs of a host share, under the path where it keeps them. Their user alone may write there. */
export const HOST_INPUTS_PATH = '/var/lib/igd/inputs';

/** The user that jobs run as, by number: "node" of the image. */
export const JOB_USER_ID = '1000';

/** Where a host gets its credentials from. A job's own come from another address, 169.254.170.2. */
const METADATA_ADDRESS = '169.254.169.254';

/** Jobs that run while a deployment replaces their host may end first: as long as Batch grants. */
const UPDATE_TIMEOUT = Duration.hours(6);

/**
 * A job that cannot start is cancelled, so that its run ends with a report that says so, instead of never. Ten minutes, the
 * least Batch accepts, for what waiting cannot cure; a day for capacity, which comes back at night.
 */
const JOB_STATE_TIME_LIMITS: JobStateTimeLimitAction[] = [
  { reason: JobStateTimeLimitActionsReason.COMPUTE_ENVIRONMENT_MAX_RESOURCE, maxTime: Duration.minutes(10) },
  { reason: JobStateTimeLimitActionsReason.JOB_RESOURCE_REQUIREMENT, maxTime: Duration.minutes(10) },
  { reason: JobStateTimeLimitActionsReason.INSUFFICIENT_INSTANCE_CAPACITY, maxTime: Duration.hours(24) },
];

/** What a run used counts against it for so long: a task of its neighbours', and a bit. */
const SHARE_DECAY = Duration.hours(1);

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
  /** Compute environments that are off until a queue has stood still; the reconciler switches them. */
  readonly onDemand: { readonly gpu: ManagedEc2EcsComputeEnvironment; readonly cpu: FargateComputeEnvironment };

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
      instanceTypes: context.gpuFamilies.flatMap((family) => SIZES[family].map((size) => new InstanceType(size))),
      // "optimal" adds c, m and r families, on which a GPU job cannot run.
      useOptimalInstanceClasses: false,
      images: [{ imageType: EcsMachineImageType.ECS_AL2023_NVIDIA }],
      // Drivers and agents get their repairs with each deployment, not once for good.
      updateToLatestImageVersion: true,
      updateTimeout: UPDATE_TIMEOUT,
      instanceRole: instanceRole(this),
      launchTemplate,
      minvCpus: 0,
      maxvCpus: context.maxGpuVcpus,
    };
    // Spot first. What is off here is switched on and off by the reconciler (src/service/tend-queues.ts).
    const isOnDemandAlwaysOn = context.onDemandAfterMinutes === 0;
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
      enabled: isOnDemandAlwaysOn,
    });
    for (const environment of [gpuSpot, gpuOnDemand]) useLatestVersion(environment, launchTemplate);
    const shared = {
      // One for both: a policy is rules, the shares are each queue's own.
      schedulingPolicy: new FairshareSchedulingPolicy(this, 'FairShare', { shareDecay: SHARE_DECAY }),
      jobStateTimeLimitActions: JOB_STATE_TIME_LIMITS,
    };
    // A policy cannot be given to a queue that is there, so that these have names of their own, other than those without one had.
    this.gpu = new JobQueue(this, 'GpuFairQueue', {
      ...shared,
      computeEnvironments: [
        { order: 1, computeEnvironment: gpuSpot },
        { order: 2, computeEnvironment: gpuOnDemand },
      ],
    });

    // Fargate and not EC2: a small run is over before an EC2 host would have joined, and there is no host to keep.
    const cpus = { ...networking, maxvCpus: context.maxCpuVcpus };
    const cpuOnDemand = new FargateComputeEnvironment(this, 'CpuOnDemand', { ...cpus, enabled: isOnDemandAlwaysOn });
    this.onDemand = { gpu: gpuOnDemand, cpu: cpuOnDemand };
    this.cpu = new JobQueue(this, 'CpuFairQueue', {
      ...shared,
      computeEnvironments: [
        { order: 1, computeEnvironment: new FargateComputeEnvironment(this, 'CpuSpot', { ...cpus, spot: true }) },
        { order: 2, computeEnvironment: cpuOnDemand },
      ],
    });
  }
}

/** What the ECS agent on an instance needs; jobs have a role of their own and cannot reach this one (see the user data). */
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
    `echo ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=${CLEANUP_WAIT} >> /etc/ecs/ecs.config`,
    `install -d -o ${JOB_USER_ID} -g ${JOB_USER_ID} -m 0700 ${HOST_INPUTS_PATH}`,
    // Batch's jobs share their host's network, so that a hop limit stops none of them; user data runs before the agent.
    `iptables --insert OUTPUT --destination ${METADATA_ADDRESS} --match owner --uid-owner ${JOB_USER_ID} --jump REJECT`,
    // The same for jobs with a network of their own, should Batch ever give them one.
    'echo ECS_AWSVPC_BLOCK_IMDS=true >> /etc/ecs/ecs.config',
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
    // One hop ends on the host: a container on a bridge, one hop further, gets no answer.
    httpPutResponseHopLimit: 1,
  });
}

/** Without a version Batch stays with the template's first one, whatever later deployments change. */
function useLatestVersion(environment: ManagedEc2EcsComputeEnvironment, template: LaunchTemplate): void {
  const resource = environment.node.defaultChild as CfnComputeEnvironment;
  resource.addPropertyOverride('ComputeResources.LaunchTemplate.Version', template.latestVersionNumber);
}
