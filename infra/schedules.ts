import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Duration } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import { Construct } from 'constructs';
import { z } from 'zod';
import { parseConfig } from '../src/schemas/parse-config.ts';
import { acknowledge } from './acknowledge.ts';
import type { Handler } from './functions.ts';

/** A file of sweeps/: a config that runs by itself, over and over. */
export const sweepSchema = z.strictObject({
  name: z.string().regex(/^[\w.-]{1,64}$/, 'may hold up to 64 letters, digits, ".", "_" and "-"'),
  /** As EventBridge Scheduler writes it, in UTC: "cron(0 3 ? * MON *)", "rate(7 days)". */
  schedule: z.string().regex(/^(cron|rate|at)\(.+\)$/, 'must be cron(...), rate(...) or at(...)'),
  /** Deployed, but asleep. */
  enabled: z.boolean().default(true),
  /** A run config, as one would upload it. */
  config: z.record(z.string(), z.unknown()),
});
export type Sweep = z.infer<typeof sweepSchema>;

/** A sweep that starts an hour late is better than two that start at once after an outage. */
const DELIVERY = { maxEventAge: Duration.hours(1), retryAttempts: 10 };

/** Reads sweeps/*.json and checks their configs as the planner would: a mistake shows on deployment, not at night. */
export function readSweeps(folder: string): Sweep[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  const sweeps = files.sort().map((file) => readSweep(join(folder, file)));
  const names = sweeps.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`${folder} has two sweeps named "${twice}"`);
  return sweeps;
}

function readSweep(file: string): Sweep {
  const parsed = sweepSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (!parsed.success) throw new Error(`${file} is not a sweep:\n${z.prettifyError(parsed.error)}`);
  parseConfig(JSON.stringify(parsed.data.config), file);
  return parsed.data;
}

export interface SweepsProps {
  /** From where `cdk` was started. */
  readonly folder: string;
  readonly planner: Handler;
}

/**
 * A schedule for each sweep. It calls the planner, which needs no permission on a bucket, and leaves `configs/` to people. A
 * call that is delivered twice is one run: a run is named by its config and the content of its inputs.
 */
export class Sweeps extends Construct {
  constructor(scope: Construct, id: string, { folder, planner }: SweepsProps) {
    super(scope, id);
    const sweeps = readSweeps(resolve(folder));
    if (sweeps.length === 0) return;
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('scheduler.amazonaws.com') });
    for (const { name, schedule, enabled, config } of sweeps)
      new Schedule(this, name, {
        description: `igd sweep ${name}`,
        schedule: ScheduleExpression.expression(schedule),
        enabled,
        target: new LambdaInvoke(planner.function, {
          ...DELIVERY,
          role,
          deadLetterQueue: planner.letters,
          input: ScheduleTargetInput.fromObject({ sweep: { name, config } }),
        }),
      });
    acknowledge(role, 'AwsSolutions-IAM5', 'Grants the call of every version of one function, and of no other.', [
      `Resource::<${planner.logicalId}.Arn>:*`,
    ]);
  }
}
