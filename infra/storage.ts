import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type BucketProps,
  type CfnBucket,
  type IBucket,
  type LifecycleRule,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { serviceKeys } from '../src/schemas/service.ts';

/** An upload of a checkpoint takes minutes. What is unfinished after a week was abandoned, and its parts cost money. */
const ABORT_INCOMPLETE_UPLOADS: LifecycleRule = {
  id: 'AbortUploads',
  abortIncompleteMultipartUploadAfter: Duration.days(7),
};

/** Long enough to notice that a checkpoint was overwritten or deleted, and to bring it back. */
const NONCURRENT_VERSION_EXPIRATION = Duration.days(90);

const ACCESS_LOG_EXPIRATION = Duration.days(90);

export interface StorageProps {
  /** 0: for good. */
  readonly retentionDays: number;
}

/** The three buckets, and one for their access logs. All survive the stack: results are worth more than a clean account. */
export class Storage extends Construct {
  /** Checkpoints and data sets. */
  readonly inputs: Bucket;
  /** Rankings by content address: computed once, used by every run. */
  readonly rankings: Bucket;
  /** Configs, runs, reports. */
  readonly runs: Bucket;

  constructor(scope: Construct, id: string, { retentionDays }: StorageProps) {
    super(scope, id);
    const logs = new Bucket(this, 'AccessLogs', {
      ...securedBucket,
      lifecycleRules: [ABORT_INCOMPLETE_UPLOADS, { id: 'ExpireLogs', expiration: ACCESS_LOG_EXPIRATION }],
    });
    const withAccessLogs = (prefix: string): BucketProps => ({
      ...securedBucket,
      // CDK's classes do not fit CDK's interfaces under exactOptionalPropertyTypes.
      serverAccessLogsBucket: logs as IBucket,
      serverAccessLogsPrefix: `${prefix}/`,
    });

    // Versioned: people overwrite checkpoints, and a report is worth nothing once its weights are gone.
    this.inputs = new Bucket(this, 'Inputs', {
      ...withAccessLogs('inputs'),
      versioned: true,
      lifecycleRules: [
        ABORT_INCOMPLETE_UPLOADS,
        { id: 'ExpireOverwritten', noncurrentVersionExpiration: NONCURRENT_VERSION_EXPIRATION },
      ],
    });
    // Not versioned: an object under a content address is never overwritten by another content.
    this.rankings = new Bucket(this, 'Rankings', {
      ...withAccessLogs('rankings'),
      lifecycleRules: [ABORT_INCOMPLETE_UPLOADS],
    });
    // Versioned for its configs: of two uploads of one name in a second, each is planned as it was. Jobs overwrite their progress
    // many times an hour, which is of no use the day after; what must not be overwritten (the claim, the report) is written
    // under the condition that it is not there.
    this.runs = new Bucket(this, 'Runs', {
      ...withAccessLogs('runs'),
      versioned: true,
      lifecycleRules: [ABORT_INCOMPLETE_UPLOADS, ...expirationOfRuns(retentionDays)],
    });
    enableEventBridge(this.runs);
  }
}

/** Records of what was started and how it ended outlive all results by this: `igd list` knows what was, and nothing starts again. */
const INDEX_OUTLIVES_DAYS = 90;

/** With what a run's name may begin. A rule takes a prefix and no exception: so the index, in a folder with a dot, stays. */
const FIRST_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';

/**
 * The deletion of old runs takes S3 days, in no order: were a claim left and its outcome gone, a run that has ended would look
 * unfinished. Files of a run whose name begins with a dot stay.
 */
function expirationOfRuns(retentionDays: number): LifecycleRule[] {
  const overwritten = (id: string, prefix: string, days: number): LifecycleRule => ({
    id,
    prefix,
    noncurrentVersionExpiration: Duration.days(days),
  });
  const after = (id: string, prefix: string, days: number): LifecycleRule => ({
    id,
    prefix,
    expiration: Duration.days(days),
  });
  const configs = NONCURRENT_VERSION_EXPIRATION.toDays();
  return [
    overwritten('ExpireOverwrittenConfigs', serviceKeys.configs, configs),
    // What a job removes, its saved states, leaves a marker behind.
    { ...overwritten('ExpireOverwrittenFilesOfRuns', serviceKeys.runs, 1), expiredObjectDeleteMarker: true },
    // A history is kept for good; its page is written again with each entry.
    overwritten('ExpireOverwrittenHistories', serviceKeys.history, 1),
    overwritten('ExpireOverwrittenAnswers', serviceKeys.answers, 1),
    after('ExpireAnswers', serviceKeys.answers, configs),
    ...(retentionDays === 0
      ? []
      : [
          after('ExpireIndex', serviceKeys.index, retentionDays + INDEX_OUTLIVES_DAYS),
          ...[...FIRST_LETTERS].map((letter) =>
            after(`ExpireRuns-${letter}`, `${serviceKeys.runs}${letter}`, retentionDays),
          ),
        ]),
  ];
}

const securedBucket: BucketProps = {
  encryption: BucketEncryption.S3_MANAGED,
  enforceSSL: true,
  minimumTLSVersion: 1.2,
  blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
  objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
  removalPolicy: RemovalPolicy.RETAIN,
};

/** `eventBridgeEnabled: true` would do it through a custom resource: a Lambda function to set one flag. */
function enableEventBridge(bucket: Bucket): void {
  const resource = bucket.node.defaultChild as CfnBucket;
  resource.notificationConfiguration = { eventBridgeConfiguration: { eventBridgeEnabled: true } };
}
