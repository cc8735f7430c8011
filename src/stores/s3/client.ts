import { S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { messageOf, RunError, TransientError } from '../../errors.ts';

/** Requests under way at once; more wait. A finalizer reads tens of thousands of small objects. */
const SOCKETS = 64;

/** Throttling and network faults are tried again, each time after a longer wait: the last after some 20 seconds. */
const ATTEMPTS = 8;

const NETWORK_FAULTS = [
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
  'ERR_STREAM_PREMATURE_CLOSE',
];

/** A connection that has been silent for so long is dead: S3 sends within seconds. */
const SILENCE_MS = 120_000;

let client: S3Client | undefined;

/** The client of this process: connections are kept and shared. Region and credentials come from the environment. */
export function s3(): S3Client {
  if (client !== undefined) return client;
  client = new S3Client({
    maxAttempts: ATTEMPTS,
    followRegionRedirects: true,
    requestHandler: {
      socketTimeout: SILENCE_MS,
      httpsAgent: { maxSockets: SOCKETS },
      httpAgent: { maxSockets: SOCKETS },
      // Waiting for a socket is what is wanted here, not worth a warning.
      socketAcquisitionWarningTimeout: 600_000,
    },
  });
  acceptCosts(client);
  return client;
}

/** Names of buckets, separated by commas, whose requester pays: without saying so, whoever asks is denied. */
export const REQUESTER_PAYS = 'IGD_REQUESTER_PAYS';

function acceptCosts(of: S3Client): void {
  const buckets = new Set((process.env[REQUESTER_PAYS] ?? '').split(',').map((name) => name.trim()));
  of.middlewareStack.add(
    (next) => (args) => {
      const pays = 'Bucket' in args.input && buckets.has(args.input.Bucket ?? '');
      return next(pays ? { ...args, input: { ...args.input, RequestPayer: 'requester' } } : args);
    },
    { step: 'initialize', name: 'acceptCosts' },
  );
}

/** HTTP status of an error S3 answered with; undefined for every other error. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

/** Why a bucket that is none of the service's own may be denied to it, and to others. */
const OTHER_BUCKETS =
  '. A service reads other buckets where it is deployed with -c inputBuckets=BUCKET, with -c kmsKeys=ARN too where a key of KMS encrypts them, and ' +
  `-c requesterPays=BUCKET where the requester pays (on this machine: ${REQUESTER_PAYS}=BUCKET)`;

/** What went wrong with a bucket or key, and what to do. */
export function s3Problem(error: unknown, action: string, where: string): string {
  if (error instanceof S3ServiceException && error.name === 'NoSuchBucket')
    return `cannot ${action} ${where}: there is no such bucket. Check the name, and that it is in this account's reach`;
  const status = statusOf(error);
  if (status === 403)
    return `access denied: cannot ${action} ${where}. Allow it in the policy of the role in use (and s3:ListBucket: without it, what is missing is denied too)${action === 'read' ? OTHER_BUCKETS : ''}`;
  if (status === 404) return `cannot ${action} ${where}: it is not there`;
  return `cannot ${action} ${where}: ${messageOf(error)}`;
}

export function s3Error(error: unknown, action: string, where: string): RunError {
  const Kind = isTransient(error) ? TransientError : RunError;
  return new Kind(s3Problem(error, action, where), { cause: error });
}

/** A server's fault, throttling, a network that gives no answer or ends one in its middle. The SDK has tried `ATTEMPTS` times for an answer. */
export function isTransient(error: unknown): boolean {
  if (error instanceof TransientError) return true;
  const status = statusOf(error);
  if (status !== undefined) return status >= 500 || status === 429 || status === 408;
  if (!(error instanceof Error)) return false;
  // What came is not what S3 had: the SDK compares the object's checksum.
  if (error.message.startsWith('Checksum mismatch')) return true;
  return error.name === 'TimeoutError' || ('code' in error && NETWORK_FAULTS.includes(String(error.code)));
}
