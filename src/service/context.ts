import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunConfig } from '../schemas/config.ts';
import type { Service } from '../schemas/service.ts';
import { type LocalConfig, localise } from '../stores/open.ts';
import { presignedLink } from '../stores/s3/files.ts';
import { S3Store } from '../stores/s3/store.ts';
import type { Store } from '../stores/store.ts';
import { BatchQueue } from './batch/batch-queue.ts';
import type { JobQueue } from './batch/job-queue.ts';
import { type Notice, topicNotifier } from './notify.ts';

/** What the service works with. Everything that reaches outside is here, so that a test or a simulation can stand in. */
export interface ServiceContext {
  readonly service: Service;
  /** The whole runs bucket, see `serviceKeys`. */
  readonly runs: Store;
  readonly rankings: Store;
  readonly queue: JobQueue;
  readonly notify: (notice: Notice) => Promise<void>;
  /** A link, for people, to a key in the runs bucket. */
  readonly link: (key: string) => Promise<string>;
  /** The config with its inputs as local files. */
  readonly localise: (config: RunConfig) => Promise<LocalConfig>;
  readonly now: () => Date;
}

/** A week, the most S3 allows; a function's own credentials end earlier, and links with them. */
const LINK_SECONDS = 7 * 24 * 3600;

/** Opens a deployed service. Credentials come from the environment; nothing is sent yet. */
export function openServiceContext(service: Service): ServiceContext {
  const { buckets, topicArn } = service;
  const inputs = join(tmpdir(), 'igd-inputs');
  return {
    service,
    runs: new S3Store({ bucket: buckets.runs, prefix: '' }),
    rankings: new S3Store({ bucket: buckets.rankings, prefix: '' }),
    queue: new BatchQueue(),
    notify: topicNotifier(topicArn),
    link: (key) => presignedLink({ bucket: buckets.runs, key }, LINK_SECONDS),
    localise: (config) => localise({ config }, inputs),
    now: () => new Date(),
  };
}
