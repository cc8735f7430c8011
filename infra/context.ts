import type { Node } from 'constructs';
import { z } from 'zod';
import { ConfigError } from '../src/errors.ts';
import { nearestName, suggestedIssues } from '../src/schemas/issues.ts';
import { GPU_DEVICES } from '../src/schemas/service.ts';

/** Families that have a size with one GPU, and that the ECS_AL2023_NVIDIA image supports. */
const GPU_FAMILIES = ['g4dn', 'g5', 'g6', 'g6e', 'p5'] as const;

/** Of p5.4xlarge, the smallest p5. */
const P5_VCPUS = 16;

/** `-c key=a,b` on the command line, or a list in cdk.json. */
const commaSeparated = <Item extends z.ZodType>(item: Item) =>
  z.preprocess(
    (value) => (typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value),
    z.array(item).min(1),
  );

const pinnedImage = z
  .string()
  .regex(/^[^@\s]+@sha256:[0-9a-f]{64}$/, 'must end with a digest: NAME@sha256:64 hex digits');

const bucketName = z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of a bucket');

const positive = z.coerce.number().int().positive();

/** Where schedules are, unless something else is said: without any, there is no such folder. */
export const SCHEDULES_FOLDER = 'schedules';

/** Everything a team may choose about its deployment. Each has a default that works, so `cdk deploy` needs no argument. */
export const contextSchema = z.strictObject({
  /** Name of the stack, and first part of the names of its job definitions. */
  stackName: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/)
    .default('igd'),
  /** Gets the notifications and alarms; AWS sends a mail to confirm first. */
  email: z.email().optional(),
  /** g5 (A10G) and g6 (L4) cost about a dollar an hour on demand; p5 (H100) is for those who ask for it. */
  gpuFamilies: commaSeparated(z.enum(GPU_FAMILIES)).default(['g5', 'g6']),
  /** What GPU jobs compute with, and so the image they run in: `webgpu` has no CUDA and needs the host's Vulkan driver. */
  gpuDevice: z.enum(GPU_DEVICES).default('cuda'),
  /** Of each GPU compute environment. 64 vCPUs are 16 of the smallest instances (4 vCPUs, 1 GPU) at a time. */
  maxGpuVcpus: positive.min(4).default(64),
  /** Of each CPU compute environment. 64 vCPUs are 16 tasks of 4 vCPUs at a time. */
  maxCpuVcpus: positive.min(4).default(64),
  /** Minutes a queue stands still for want of Spot before machines on demand are bought; 0 has both always on. */
  onDemandAfterMinutes: z.coerce.number().nonnegative().default(20),
  /** Availability zones to look for GPUs in. Nearly every region has three; us-west-1 wants 2. */
  zones: positive.min(2).max(6).default(3),
  /** Days after which a run's files are deleted; 0 keeps them for good. */
  retentionDays: z.coerce.number().int().nonnegative().default(365),
  /** What the dashboard takes a GPU-hour to cost, in dollars: g5.xlarge on demand, so that Spot can only be cheaper. */
  gpuHourDollars: z.coerce.number().positive().default(1.01),
  /** The same of a CPU task: 4 vCPUs and 8 GB on Fargate in us-east-1, https://aws.amazon.com/fargate/pricing/. */
  cpuHourDollars: z.coerce.number().positive().default(0.2),
  /** What an attempt of a run may cost where its config does not say; left out, as much as it takes. */
  maxDollars: z.coerce.number().positive().optional(),
  /** Other buckets that configs may name, of this account or of others, whose policies have to allow the stack's roles too. */
  inputBuckets: commaSeparated(bucketName).default([]),
  /** Those among other buckets whose requester pays: for what runs read of them, this account does. */
  requesterPays: commaSeparated(bucketName).default([]),
  /** Keys of KMS that encrypt them. */
  kmsKeys: commaSeparated(
    z
      .string()
      .regex(
        /^arn:[\w-]+:kms:[\w-]+:\d{12}:key\/[\w-]+$/,
        'must be the ARN of a key: arn:aws:kms:REGION:ACCOUNT:key/ID',
      ),
  ).default([]),
  /** Use images of this ECR repository, tags `TAG-cpu` and `TAG-` with the GPU's device, instead of building them on `cdk deploy`. */
  imageRepository: z.string().min(2).optional(),
  imageTag: z.string().min(1).default('latest'),
  /** Base images of the runner, by digest, instead of by the Dockerfile's tags, which move. */
  nodeImage: pinnedImage.optional(),
  cudaImage: pinnedImage.optional(),
  /** Folder of schedules, see schedules/README.md. */
  schedules: z.string().default(SCHEDULES_FOLDER),
});
export type ServiceContext = z.infer<typeof contextSchema>;

/** Keys that went, and the one that says the same now. CDK takes any key: unread, such a choice would be without effect. */
const RENAMED: Readonly<Record<string, keyof ServiceContext>> = { sweeps: 'schedules' };

/** Reads `-c key=value` and cdk.json's "context". Throws ConfigError with every problem. */
export function readContext(node: Node): ServiceContext {
  for (const [former, key] of Object.entries(RENAMED))
    if (node.tryGetContext(former) !== undefined)
      throw new ConfigError(`the CDK context key "${former}" is called "${key}" now: give -c ${key}=...`);
  refuseMisspelt(node);
  const given: Record<string, unknown> = {};
  for (const key of Object.keys(contextSchema.shape)) {
    const value: unknown = node.tryGetContext(key);
    if (value !== undefined) given[key] = value;
  }
  const parsed = contextSchema.safeParse(given);
  // Batch would start none, and jobs would wait.
  const { data } = parsed;
  if (data?.gpuFamilies.includes('p5') && data.maxGpuVcpus < P5_VCPUS)
    throw new ConfigError(
      `the CDK context is not valid: maxGpuVcpus ${data.maxGpuVcpus} holds no p5.4xlarge: give ${P5_VCPUS} or more`,
    );
  if (!parsed.success) {
    const problems = suggestedIssues(parsed.error).map((problem) => `  ${problem}`);
    throw new ConfigError(`the CDK context is not valid (docs/aws.md has its keys):\n${problems.join('\n')}`);
  }
  return parsed.data;
}

/** Keys given that nothing reads. CDK's own have a colon or a slash in them. */
export function unreadKeys(node: Node): string[] {
  const known = Object.keys(contextSchema.shape);
  return Object.keys(node.getAllContext()).filter((key) => /^[\w-]+$/.test(key) && !known.includes(key));
}

/** A limit of cost that is misspelt would be none, without a word. */
function refuseMisspelt(node: Node): void {
  const known = Object.keys(contextSchema.shape);
  for (const key of unreadKeys(node)) {
    const nearest = nearestName(plainForm(key), known.map(plainForm));
    const meant = known.find((name) => plainForm(name) === nearest);
    if (meant !== undefined)
      throw new ConfigError(
        `the CDK context key "${key}" is read by nothing: if "${meant}" is meant, give -c ${meant}=...`,
      );
  }
}

/** Without what spellings differ in: max-dollars, MAX_DOLLARS. */
function plainForm(key: string): string {
  return key.replaceAll(/[-_]/g, '').toLowerCase();
}
