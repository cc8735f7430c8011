import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Duration } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { ContextAttribute, Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import { Construct } from 'constructs';
import { z } from 'zod';
import { ConfigError } from '../src/errors.ts';
import { configName, readConfigWith } from '../src/schemas/config-text/read.ts';
import { parseYamlText } from '../src/schemas/config-text/yaml.ts';
import { suggestedIssues } from '../src/schemas/issues.ts';
import { shortName } from '../src/schemas/names.ts';
import { parseParameterSweep } from '../src/schemas/parameter-sweep.ts';
import { parseConfig } from '../src/schemas/parse-config.ts';
import { acknowledge } from './acknowledge.ts';
import { SCHEDULES_FOLDER } from './context.ts';
import type { Handler } from './functions.ts';

/** Where schedules were read from before they were called that. */
const FORMER_FOLDER = 'sweeps';

const scheduleSchema = z.strictObject({
  name: shortName(64),
  /** As EventBridge Scheduler writes it, in UTC: "cron(0 3 ? * MON *)", "rate(7 days)". */
  schedule: z.string().regex(/^(cron|rate|at)\(.+\)$/, 'must be cron(...), rate(...) or at(...)'),
  /** Whether the deployed schedule is in the state ENABLED. */
  enabled: z.boolean().default(true),
  /** A run config, as one would upload it. */
  config: z.record(z.string(), z.unknown()),
});

/** A file of schedules/: a config, and the times it is started at. */
type ScheduledConfig = z.infer<typeof scheduleSchema>;

/** A run that starts an hour late is better than two that start at once after an outage. */
const RETRY_POLICY = { maxEventAge: Duration.hours(1), retryAttempts: 10 };

/** Reads the files of schedules/, written as configs may be, and checks their configs as the planner would: a mistake shows on deployment, not at night. Throws ConfigError. */
export function readSchedules(folder: string): ScheduledConfig[] {
  const schedules = schedulesIn(folder).map((file) => readSchedule(join(folder, file)));
  const names = schedules.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new ConfigError(`${folder} has two schedules named "${twice}": give one of them another name`);
  return schedules;
}

function schedulesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => configName(file) !== undefined)
    .sort();
}

function readSchedule(file: string): ScheduledConfig {
  const parsed = scheduleSchema.safeParse(readConfigWith(parseYamlText, readFileSync(file), file));
  if (!parsed.success) throw new ConfigError(`${file} is not a schedule: ${suggestedIssues(parsed.error).join('; ')}`);
  const text = JSON.stringify(parsed.data.config);
  if (parseParameterSweep(text, file) === undefined) parseConfig(text, file);
  return parsed.data;
}

/** Not read, its schedules would be deleted by the next deployment without a word. */
function refuseFormerFolder(folder: string): void {
  const former = resolve(FORMER_FOLDER);
  const files = former === folder ? [] : schedulesIn(former);
  if (files.length > 0)
    throw new ConfigError(
      `${former} holds schedules that are no longer read: ${files.join(', ')}. Move them to ${folder}, ` +
        `or keep them there and give -c schedules=${FORMER_FOLDER}`,
    );
}

export interface SchedulesProps {
  /** From where `cdk` was started. */
  readonly folder: string;
  readonly planner: Handler;
}

/**
 * An EventBridge Scheduler schedule for each file. It invokes the planner, which needs no permission on a bucket, and leaves
 * `configs/` to people. An event that is delivered twice is one run: a run is named by its config and the content of its
 * inputs.
 */
export class Schedules extends Construct {
  constructor(scope: Construct, id: string, props: SchedulesProps) {
    super(scope, id);
    const { planner } = props;
    const folder = resolve(props.folder);
    // The schedules of the stack would be deleted without a word.
    if (props.folder !== SCHEDULES_FOLDER && !existsSync(folder))
      throw new ConfigError(
        `-c schedules=${props.folder}: there is no folder ${folder}; give the one with the schedules`,
      );
    refuseFormerFolder(folder);
    const schedules = readSchedules(folder);
    if (schedules.length === 0) return;
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('scheduler.amazonaws.com') });
    for (const { name, schedule, enabled, config } of schedules)
      new Schedule(this, name, {
        description: `igd schedule ${name}`,
        schedule: ScheduleExpression.expression(schedule),
        enabled,
        target: new LambdaInvoke(planner.function, {
          ...RETRY_POLICY,
          role,
          deadLetterQueue: planner.deadLetterQueue,
          // The time it was to fire names the entry in its history, however often Lambda tries again.
          input: ScheduleTargetInput.fromObject({ schedule: { name, config, at: ContextAttribute.scheduledTime } }),
        }),
      });
    acknowledge(role, 'AwsSolutions-IAM5', 'Grants the call of every version of one function, and of no other.', [
      `Resource::<${planner.logicalId}.Arn>:*`,
    ]);
  }
}
