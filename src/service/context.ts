import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunConfig } from '../schemas/config.ts';
import type { ComparedEvent } from '../schemas/history.ts';
import type { Service } from '../schemas/service.ts';
import { type LocalConfig, localise } from '../stores/open.ts';
import { S3Store } from '../stores/s3/store.ts';
import type { Store } from '../stores/store.ts';
import { BatchQueue } from './batch/batch-queue.ts';
import type { JobQueue } from './batch/job-queue.ts';
import { busPublisher } from './history/event-bus.ts';
import { withRoom } from './input-cache.ts';
import { type Notice, topicNotifier } from './notify.ts';

/** What the service works with. Everything that reaches outside is here, so that a test or a simulation can stand in. */
export interface ServiceContext {
  readonly service: Service;
  /** The whole runs bucket, see `serviceKeys`. */
  readonly runs: Store;
  readonly rankings: Store;
  readonly queue: JobQueue;
  readonly notify: (notice: Notice) => Promise<void>;
  /** Sends an event to programs. */
  readonly publish: (event: ComparedEvent) => Promise<void>;
  /** What was uploaded to a key of the runs bucket: in this version, where it is named. */
  readonly uploaded: (key: string, version: string | undefined) => Promise<Uint8Array | undefined>;
  /** The config with its inputs as local files. */
  readonly localise: (config: RunConfig) => Promise<LocalConfig>;
  readonly now: () => Date;
}

/** Opens a deployed service. Credentials come from the environment; nothing is sent yet. */
export function openServiceContext(service: Service): ServiceContext {
  const { buckets, topicArn } = service;
  const inputs = join(tmpdir(), 'igd-inputs');
  const runs = new S3Store({ bucket: buckets.runs, prefix: '' });
  return {
    service,
    runs,
    rankings: new S3Store({ bucket: buckets.rankings, prefix: '' }),
    queue: new BatchQueue(),
    notify: topicNotifier(topicArn),
    publish: busPublisher(),
    uploaded: (key, version) => runs.get(key, version),
    localise: (config) => withRoom(inputs, () => localise({ config }, inputs)),
    now: () => new Date(),
  };
}
