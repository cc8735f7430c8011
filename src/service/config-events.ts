import { z } from 'zod';
import { InputError } from '../errors.ts';
import { CONFIG_SUFFIXES, configName, readConfig } from '../schemas/config-text/read.ts';
import { serviceKeys } from '../schemas/service.ts';
import { uploadOrder } from './answers.ts';
import type { ServiceContext } from './context.ts';
import type { Upload } from './reject-config.ts';

/** A config was uploaded: what EventBridge says of an object. */
const uploadSchema = z.object({
  source: z.literal('aws.s3'),
  time: z.iso.datetime().optional(),
  detail: z.object({
    object: z.object({
      key: z.string(),
      size: z.int().default(0),
      'version-id': z.string().optional(),
      sequencer: z.string().optional(),
    }),
  }),
});
type UploadEvent = z.infer<typeof uploadSchema>;

const scheduledConfigSchema = z.object({
  name: z.string().regex(/^[\w.-]+$/),
  config: z.json(),
  /** When it was to fire; the schedules of former stacks do not say. */
  at: z.iso.datetime().optional().catch(undefined),
});

/** A schedule fired: the input it has in the stack. */
const scheduleSchema = z.object({ schedule: scheduledConfigSchema });

/** The same by its former name: of schedules that fire while they are replaced, and of messages in a dead-letter queue. */
const formerScheduleSchema = z
  .object({ sweep: scheduledConfigSchema })
  .transform(({ sweep: schedule }) => ({ schedule }));

const eventSchema = z.union([uploadSchema, scheduleSchema, formerScheduleSchema]);

/** A config that is to be answered; `problem`: why what was uploaded cannot be one. */
export interface UploadedConfig extends Upload {
  /** What its user knows it as: the key of what was uploaded, or the schedule. */
  readonly where: string;
  /** In the order of uploads: no answer to it is older. */
  readonly since: string;
  readonly problem?: string | undefined;
}

/** Lambda keeps an event for six hours at most; that of a schedule does not say when it fired. */
const EVENT_AGE_MS = 6 * 3600_000;

/** The longest config there is has some kB; what is larger is a checkpoint or a data set in the wrong place. */
const MAX_BYTES = 2 ** 20;

/**
 * The config that an event is about, in the very version that was uploaded. undefined for what is none, such as our own answers.
 * Throws a ZodError for an event that is none of ours.
 */
export async function configOf(ctx: ServiceContext, event: unknown): Promise<UploadedConfig | undefined> {
  const parsed = eventSchema.parse(event);
  if (!('schedule' in parsed)) return uploadedConfig(ctx, parsed);
  const { name, config, at } = parsed.schedule;
  const now = ctx.now();
  const firing = { schedule: name, at: (at === undefined ? now : new Date(at)).toISOString() };
  const since = uploadOrder(new Date(now.getTime() - EVENT_AGE_MS));
  return { name, where: `schedule ${name}`, text: JSON.stringify(config), order: uploadOrder(now), since, firing };
}

async function uploadedConfig(
  ctx: ServiceContext,
  { time, detail: { object } }: UploadEvent,
): Promise<UploadedConfig | undefined> {
  const { key, size, sequencer, 'version-id': version } = object;
  const file = fileOf(key);
  if (file === undefined) return undefined;
  const order = uploadOrder(time === undefined ? ctx.now() : new Date(time), sequencer);
  const known = configName(file);
  const upload = { name: known ?? file, where: key, order, since: order };
  if (size > MAX_BYTES) {
    const problem = `${key} has ${size} bytes, which no config has: inputs belong in the inputs bucket, as "igd submit" puts them`;
    return { ...upload, text: '', problem };
  }
  const bytes = await ctx.uploaded(key, version);
  const text = new TextDecoder().decode(bytes);
  if (bytes === undefined)
    return { ...upload, text, problem: `${key} was deleted before it was read: upload it again` };
  if (known === undefined)
    return { ...upload, text, problem: `${key} is no config: its name has to end with ${CONFIG_SUFFIXES}` };
  return { ...upload, ...(await jsonOf(bytes, key, text)) };
}

/** As `igd` reads it on a machine. What is JSON already stays as it is, which its answer's digest is of. */
async function jsonOf(bytes: Uint8Array, key: string, text: string): Promise<Pick<UploadedConfig, 'text' | 'problem'>> {
  try {
    const config = await readConfig(bytes, key);
    return { text: isJson(text) ? text : JSON.stringify(config) };
  } catch (error) {
    if (error instanceof InputError) return { text, problem: error.message };
    throw error;
  }
}

function isJson(text: string): boolean {
  try {
    return JSON.parse(text) !== undefined;
  } catch {
    return false;
  }
}

/** What lies under configs/, in folders too; undefined for every other key, a folder's own and our own answers. */
function fileOf(key: string): string | undefined {
  if (!key.startsWith(serviceKeys.configs) || key.endsWith('/')) return undefined;
  return /\.(rejected|accepted)\.json$/.test(key) ? undefined : key.slice(serviceKeys.configs.length);
}
