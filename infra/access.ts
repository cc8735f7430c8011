import { Stack } from 'aws-cdk-lib';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';

/** What a role may do with the objects under a prefix of a bucket. */
export interface ObjectAccess {
  readonly bucket: Bucket;
  /** Pattern of keys. */
  readonly keys: string;
  readonly write?: boolean;
  /** Pattern of those keys, under `keys`, that may be removed as well; left out: none. */
  readonly remove?: string;
}

/**
 * Statements that name their actions, unlike Bucket.grantRead (`s3:GetObject*`, `s3:List*`).
 *
 * ListBucket is on the whole bucket: with a condition on its prefix, S3 answers a HEAD of a missing key with 403 and not
 * with 404, and "is it there?" becomes "access denied".
 */
export function grantObjects(role: IGrantable & Construct, accesses: readonly ObjectAccess[]): void {
  const objects = ({ bucket, keys }: Pick<ObjectAccess, 'bucket' | 'keys'>) => bucket.arnForObjects(keys);
  const written = accesses.filter(({ write }) => write === true);
  role.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({
      sid: 'ListBuckets',
      actions: ['s3:ListBucket'],
      resources: accesses.map(({ bucket }) => bucket.bucketArn),
    }),
  );
  role.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({
      sid: 'ReadObjects',
      actions: ['s3:GetObject', 's3:GetObjectVersion'],
      resources: accesses.map(objects),
    }),
  );
  if (written.length > 0)
    role.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({
        sid: 'WriteObjects',
        actions: ['s3:PutObject', 's3:AbortMultipartUpload'],
        resources: written.map(objects),
      }),
    );
  const removed = accesses.flatMap(({ bucket, remove }) => (remove === undefined ? [] : [{ bucket, keys: remove }]));
  if (removed.length > 0)
    role.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ sid: 'RemoveObjects', actions: ['s3:DeleteObject'], resources: removed.map(objects) }),
    );
  acknowledge(
    role,
    'AwsSolutions-IAM5',
    'Keys hold the names of runs and the digests of rankings, which nobody knows on deployment: the wildcard ends a prefix of one bucket, with named actions.',
    [...accesses, ...removed].map(({ bucket, keys }) => {
      const stack = Stack.of(bucket);
      const logicalId: unknown = stack.resolve(
        (bucket.node.defaultChild as { logicalId?: string } | undefined)?.logicalId,
      );
      return `Resource::<${String(logicalId)}.Arn>/${keys}`;
    }),
  );
}
