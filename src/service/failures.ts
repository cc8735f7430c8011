import { remoteKeys, STAGE_NAMES, type StageName, type TaskFailure, taskFailureSchema } from '../contracts/service.ts';
import type { ServiceContext } from './context.ts';
import type { OpenRun } from './open-run.ts';
import { readRecord } from './records.ts';
import { readStage, stageStates } from './stage.ts';

/** A task that failed, or, without a record of its own (killed, never started), a job in Batch's words. */
export interface Failure extends Pick<TaskFailure, 'job' | 'message'> {
  readonly stage: StageName;
  readonly task: number | null;
}

/** The first failures of the newest attempt, `limit` a stage. A task that was tried again and succeeded is among them too. */
export async function failuresOf(ctx: ServiceContext, open: OpenRun, limit: number): Promise<Failure[]> {
  const stages = await Promise.all(STAGE_NAMES.map((stage) => stageFailures(ctx, open, stage, limit)));
  return stages.flat();
}

async function stageFailures(ctx: ServiceContext, open: OpenRun, stage: StageName, limit: number): Promise<Failure[]> {
  const keys = (await open.files.list(remoteKeys.failuresOf(open.attempt, stage))).slice(0, limit);
  const records = await Promise.all(keys.map((key) => readRecord(open.files, key, taskFailureSchema)));
  const failures = records.flatMap((record): Failure[] => (record === undefined ? [] : [{ stage, ...record }]));
  if (failures.length > 0) return failures;
  const begun = await readStage(open, stage);
  if (begun === undefined) return [];
  const { states } = await stageStates(ctx, begun);
  return states.flatMap(({ status, name, reason }): Failure[] =>
    status === 'FAILED' ? [{ stage, task: null, job: name, message: reason ?? 'failed; Batch gives no reason' }] : [],
  );
}
