import { fileURLToPath } from 'node:url';
import { Duration, RemovalPolicy, type Size, Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, type CfnFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

const CHECKOUT = fileURLToPath(new URL('../', import.meta.url));

/** 1,769 MB are one vCPU; accounts that AWS has not raised yet may have no more than 3,008 MB. */
const MEMORY_SIZE_MB = 3008;

/** All that Lambda gives: a plan hashes a checkpoint of a GB (10 s of download), a report reads 10,000 results. */
const TIMEOUT = Duration.minutes(15);

/** Lambda tries an event three times, a minute and then two apart. A claim and a conditional write make that harmless. */
const RETRY_ATTEMPTS = 2;

/** Two weeks, the most SQS keeps: someone is on holiday. */
const DEAD_LETTER_RETENTION = Duration.days(14);

export interface HandlerProps {
  /** Folder under functions/ with a handler.ts that exports `handler`. */
  readonly name: string;
  readonly service: string;
  readonly description: string;
  /** Variables beside those that every function has. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Called with an event that failed for the last time, whatever the function died of, and how it failed. */
  readonly onFailure?: Handler;
  /** Size of /tmp, where downloads go. */
  readonly ephemeralStorageSize?: Size;
}

/**
 * A Lambda function of ours: bundled from TypeScript, with its role, its log group, and a dead-letter queue.
 *
 * No concurrency is reserved. It would have to be taken from the account's, which is 10 in a new one, all of which AWS keeps
 * unreserved; and nothing here needs it: handlers that race do the same work, and a conditional write lets one of them win.
 */
export class Handler extends Construct {
  readonly function: NodejsFunction;
  readonly role: Role;
  /** Events that were tried and failed, and events that could not be delivered. */
  readonly deadLetterQueue: Queue;

  constructor(scope: Construct, id: string, props: HandlerProps) {
    super(scope, id);
    const { name, service, description, environment, onFailure, ephemeralStorageSize } = props;
    const logGroup = new LogGroup(this, 'Logs', {
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.deadLetterQueue = new Queue(this, 'DeadLetters', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: DEAD_LETTER_RETENTION,
    });
    // Not the role CDK makes: its managed policy may write to every log group of the account.
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(this.role);
    this.function = new NodejsFunction(this, 'Function', {
      description,
      entry: `${CHECKOUT}functions/${name}/handler.ts`,
      projectRoot: CHECKOUT,
      depsLockFilePath: `${CHECKOUT}package-lock.json`,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: MEMORY_SIZE_MB,
      timeout: TIMEOUT,
      ...(ephemeralStorageSize === undefined ? {} : { ephemeralStorageSize }),
      retryAttempts: RETRY_ATTEMPTS,
      // Not CDK's LambdaDestination, which would allow the call of every version too.
      ...(onFailure && { onFailure: { bind: () => ({ destination: onFailure.function.functionArn }) } }),
      role: this.role,
      logGroup,
      deadLetterQueue: this.deadLetterQueue,
      environment: { IGD_SERVICE: service, NODE_OPTIONS: '--enable-source-maps', ...environment },
      bundling,
    });
    if (onFailure !== undefined)
      this.addToRolePolicy({
        sid: 'TellOfFailure',
        actions: ['lambda:InvokeFunction'],
        resources: [onFailure.function.functionArn],
      });
  }

  /** Of the function's resource in the template. */
  get logicalId(): string {
    return Stack.of(this).getLogicalId(this.function.node.defaultChild as CfnFunction);
  }

  addToRolePolicy(statement: ConstructorParameters<typeof PolicyStatement>[0]): void {
    this.role.addToPolicy(new PolicyStatement(statement));
  }
}

/** By the esbuild of this checkout, never in Docker. The SDK is bundled too: what was tested is what runs. */
export const bundling = {
  forceDockerBundling: false,
  format: OutputFormat.ESM,
  mainFields: ['module', 'main'],
  target: 'node24',
  minify: true,
  keepNames: true,
  sourceMap: true,
  // Handlers read checkpoints, plan and aggregate; they start no session and decode no image, and 100 MB of native code
  // would be too much.
  externalModules: ['onnxruntime-node', 'sharp'],
  // A bundle is a file of its own: what asks where it is (src/package-root.ts) is told, and packages in CommonJS want `require`.
  define: { 'import.meta.url': JSON.stringify('file:///var/task/src/package-root.ts') },
  banner:
    "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire('/var/task/package.json');",
  commandHooks: {
    beforeBundling: () => [],
    beforeInstall: () => [],
    // Reports name the version they were made by.
    afterBundling: (inputs: string, output: string) => [`cp "${inputs}/package.json" "${output}/package.json"`],
  },
};
