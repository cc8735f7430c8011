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
    // Not versioned: jobs overwrite their progress many times an hour, and what must not be overwritten (the claim, the
    // report) is written under the condition that it is not there.
    this.runs = new Bucket(this, 'Runs', {
      ...withAccessLogs('runs'),
      lifecycleRules: [
        ABORT_INCOMPLETE_UPLOADS,
        ...(retentionDays === 0
          ? []
          : [{ id: 'ExpireRuns', prefix: serviceKeys.runs, expiration: Duration.days(retentionDays) }]),
      ],
    });
    enableEventBridge(this.runs);
  }
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
