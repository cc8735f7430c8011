import { Stack } from 'aws-cdk-lib';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { REQUESTER_PAYS } from '../src/stores/s3/client.ts';
import { acknowledge } from './acknowledge.ts';
import type { ServiceContext } from './context.ts';

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

/** What is to be read beside the stack's own buckets. */
export type OtherInputs = Pick<ServiceContext, 'inputBuckets' | 'requesterPays' | 'kmsKeys'>;

/** To read other buckets, and to decrypt what is in them. What is another account's must be allowed there as well. */
export function grantOtherInputs(
  role: IGrantable & Construct,
  { inputBuckets, requesterPays, kmsKeys }: OtherInputs,
): void {
  const stack = Stack.of(role);
  const names = [...new Set([...inputBuckets, ...requesterPays])];
  const arns = names.map((name) => stack.formatArn({ service: 's3', region: '', account: '', resource: name }));
  const allow = (sid: string, actions: string[], resources: string[]) =>
    role.grantPrincipal.addToPrincipalPolicy(new PolicyStatement({ sid, actions, resources }));
  if (names.length > 0) {
    allow('ListOtherBuckets', ['s3:ListBucket'], arns);
    allow(
      'ReadOtherObjects',
      ['s3:GetObject', 's3:GetObjectVersion'],
      arns.map((arn) => `${arn}/*`),
    );
    acknowledge(
      role,
      'AwsSolutions-IAM5',
      'Whoever deploys named these buckets, to be read as a whole: which objects configs will name nobody knows on deployment.',
      names.map((name) => `Resource::arn:<AWS::Partition>:s3:::${name}/*`),
    );
  }
  if (kmsKeys.length > 0) allow('DecryptOtherObjects', ['kms:Decrypt'], kmsKeys);
}

/** What a process that reads them has to be told. */
export function otherInputsEnvironment({ requesterPays }: OtherInputs): Record<string, string> {
  return requesterPays.length === 0 ? {} : { [REQUESTER_PAYS]: requesterPays.join(',') };
}
