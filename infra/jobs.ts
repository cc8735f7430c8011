import { Duration, RemovalPolicy, Size, Stack } from 'aws-cdk-lib';
import {
  Action,
  EcsEc2ContainerDefinition,
  EcsFargateContainerDefinition,
  EcsJobDefinition,
  EcsVolume,
  LinuxParameters,
  Reason,
  RetryStrategy,
} from 'aws-cdk-lib/aws-batch';
import { CpuArchitecture, LogDriver } from 'aws-cdk-lib/aws-ecs';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { serviceKeys, taskExitCodes } from '../src/schemas/service.ts';
import { CPU_TASK_VCPUS } from '../src/workers/worker-count.ts';
import { grantObjects, grantOtherInputs, type OtherInputs, otherInputsEnvironment } from './access.ts';
import { acknowledge } from './acknowledge.ts';
import { HOST_INPUTS_PATH, JOB_USER_ID } from './compute.ts';
import type { RunnerImages } from './images.ts';
import type { Storage } from './storage.ts';

/** The smallest instances (g5, g6: 4 vCPUs, 16 GiB) have one GPU: a job takes the host, less what ECS keeps for itself. */
const GPU_JOB = { cpu: 4, memory: Size.gibibytes(14), gpu: 1 };

/**
 * A shape Fargate sells. A worker takes 0.7 GB and twelve times its weights (src/workers/memory.ts): four workers of a WideResNet-34-10
 * (185 MB) 12 GB. Where larger weights leave room for fewer, those share the vCPUs.
 */
const CPU_JOB = { cpu: CPU_TASK_VCPUS, memory: Size.gibibytes(16), ephemeralStorageSize: Size.gibibytes(50) };

/**
 * The dearest image we know of, a WideResNet-34-10 under AutoAttack, takes 10,000 forward passes: 10 seconds on a GPU that
 * does 1,000 a second. 32 images a shard are 5 minutes; a task of 60 shards takes 5 hours. Twice that, and a bit, is stuck.
 * A run on CPUs has smaller models: a ResNet-18 at 10 ms a pass and core needs 32 x 100 s = 53 minutes for four shards
 * side by side.
 */
const ATTEMPT_TIMEOUT = Duration.hours(12);

/**
 * Reclaimed hosts are why a job is tried again. If one attempt in five were reclaimed (AWS calls that its worst pools, by
 * the month; an attempt takes an hour), 0.2^5 = 0.03% of shards would fail for good: 3 of 10,000, for `igd retry`; with
 * three attempts 0.2^3 = 0.8%, 80 of them.
 *
 * So are faults that pass: the runner says so with an exit code of its own. Its S3 client has then tried for 20 seconds;
 * five attempts, each a minute or two of starting a container, bear an outage of five minutes and more. What fails with code
 * 1 or 2 fails for a reason that stays, a config or a bug: five attempts of an hour at a dollar would be $5 a shard for
 * the same message five times.
 */
const ATTEMPTS = 5;

/** Where the runner may write, on a file system that is read-only otherwise. Declared as VOLUME by the Dockerfile. */
const SCRATCH_PATH = '/scratch';

/** Where a GPU host's inputs are, seen by its jobs. */
const INPUTS_PATH = '/inputs';

export interface JobsProps {
  /** First part of the definitions' names. */
  readonly stackName: string;
  readonly images: RunnerImages;
  readonly storage: Storage;
  readonly otherInputs: OtherInputs;
  /** The environment variable IGD_SERVICE. */
  readonly service: string;
}

/** Names of the job definitions, fixed so that the service they are part of can be described to them. */
export function jobDefinitionNames(stackName: string): { gpu: string; cpu: string } {
  return { gpu: `${stackName}-gpu`, cpu: `${stackName}-cpu` };
}

/** What a job is: image, role, resources, when it is tried again. Which job it is comes with SubmitJob, as variables. */
export class Jobs extends Construct {
  readonly role: Role;

  constructor(scope: Construct, id: string, { stackName, images, storage, otherInputs, service }: JobsProps) {
    super(scope, id);
    const names = jobDefinitionNames(stackName);
    const logGroup = new LogGroup(this, 'Logs', {
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = jobRole(this, storage);
    grantOtherInputs(this.role, otherInputs);
    const shared = {
      jobRole: this.role,
      // ECS on EC2 does not tell a container its region.
      environment: {
        IGD_SERVICE: service,
        AWS_REGION: Stack.of(this).region,
        ...otherInputsEnvironment(otherInputs),
      },
      user: JOB_USER_ID,
      readonlyRootFilesystem: true,
    };
    const scratch = EcsVolume.host({ name: 'scratch', containerPath: SCRATCH_PATH });
    const inputs = EcsVolume.host({ name: 'inputs', containerPath: INPUTS_PATH, hostPath: HOST_INPUTS_PATH });
    // An init process hands SIGTERM on to node and reaps its workers: node as process 1 would do neither by default.
    const init = (name: string) => new LinuxParameters(this, name, { initProcessEnabled: true });
    const logging = (streamPrefix: string) => LogDriver.awsLogs({ logGroup, streamPrefix });

    const gpu = new EcsEc2ContainerDefinition(this, 'GpuContainer', {
      ...shared,
      ...GPU_JOB,
      // Jobs come to a host one after the other, and most of them want the same files.
      environment: { ...shared.environment, IGD_INPUTS: INPUTS_PATH },
      volumes: [scratch, inputs],
      image: images.gpu,
      linuxParameters: init('GpuInit'),
      logging: logging('gpu'),
    });
    const cpu = new EcsFargateContainerDefinition(this, 'CpuContainer', {
      ...shared,
      ...CPU_JOB,
      volumes: [scratch],
      image: images.cpu,
      linuxParameters: init('CpuInit'),
      logging: logging('cpu'),
      fargateCpuArchitecture: CpuArchitecture.X86_64,
      // Public subnets without NAT: without an address, the image cannot be pulled.
      assignPublicIp: true,
    });
    for (const { executionRole } of [gpu, cpu])
      acknowledge(
        executionRole.node.scope as Construct,
        'AwsSolutions-IAM5',
        'ecr:GetAuthorizationToken has no resource; every other statement of the role names its log group or repository.',
        ['Resource::*'],
      );
    new EcsJobDefinition(this, 'Gpu', {
      jobDefinitionName: names.gpu,
      container: gpu,
      ...retryProps({ onStatusReason: 'Host EC2*' }),
    });
    new EcsJobDefinition(this, 'Cpu', {
      jobDefinitionName: names.cpu,
      container: cpu,
      ...retryProps({ onStatusReason: 'Your Spot Task was interrupted*' }),
    });
  }
}

/** Only what another attempt can cure is tried again. Five rules are the most Batch takes. */
function retryProps(spotInterruption: { onStatusReason: string }) {
  const retry = (...args: Parameters<typeof Reason.custom>) => RetryStrategy.of(Action.RETRY, Reason.custom(...args));
  return {
    // A run keeps the revision it began with, and a deployment would take it away.
    skipDeregisterOnUpdate: true,
    retryAttempts: ATTEMPTS,
    timeout: ATTEMPT_TIMEOUT,
    retryStrategies: [
      retry(spotInterruption),
      // Told to stop, as a host tells its containers while it is drained; what the work itself fails with is final.
      retry({ onExitCode: String(taskExitCodes.interrupted) }),
      // A bucket or network that was busy for long; or the device does not compute (containers/runner/start.sh): another
      // host's may, and to ask takes seconds.
      retry({ onExitCode: String(taskExitCodes.temporary) }),
      // A registry or network that was busy for a moment.
      retry({ onReason: 'CannotPullContainerError:*' }),
      // A failure no rule matches IS tried again: without this line, a wrong config would cost five times its price.
      RetryStrategy.of(Action.EXIT, Reason.custom({ onReason: '*' })),
    ],
  };
}

function jobRole(scope: Construct, { inputs, rankings, runs }: Storage): Role {
  const role = new Role(scope, 'Role', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') });
  grantObjects(role, [
    { bucket: inputs, keys: '*' },
    { bucket: rankings, keys: '*', write: true },
    { bucket: runs, keys: `${serviceKeys.runs}*`, write: true, remove: serviceKeys.states },
  ]);
  return role;
}
