import { z } from 'zod';
import { parseRecord } from '../schemas/parse-record.ts';
import { remoteKeys, STAGE_NAMES, type StageName, type Submission } from '../schemas/service.ts';
import type { OpenRun } from './load-run.ts';

/** A Batch job as far as any version of igd has written it down. */
export interface SubmittedJob extends Pick<Submission, 'jobId' | 'tasks' | 'at'> {
  readonly stage: StageName;
}

const recordSchema = z.looseObject({ jobId: z.string(), tasks: z.int().default(1), at: z.string().default('') });

/** What the newest attempt has submitted: all that is needed to end its jobs, or to ask Batch of them. */
export async function submittedJobs({ files, attempt }: OpenRun): Promise<SubmittedJob[]> {
  const prefix = remoteKeys.submissionsOf(attempt);
  const jobs = (await files.list(prefix)).map(async (key): Promise<SubmittedJob[]> => {
    const [, name] = /^(\w+)\.\d+\.json$/.exec(key.slice(prefix.length)) ?? [];
    const stage = STAGE_NAMES.find((candidate) => candidate === name);
    const bytes = stage === undefined ? undefined : await files.get(key);
    if (stage === undefined || bytes === undefined) return [];
    return [{ stage, ...parseRecord(recordSchema, bytes, key) }];
  });
  return (await Promise.all(jobs)).flat();
}
