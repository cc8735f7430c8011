import '../../service/quiet.ts';
import { S3ServiceException } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InputError, RunError, TransientError } from '../../../src/errors.ts';
import { s3Error } from '../../../src/stores/s3/client.ts';
import { fromFailure, toFailure } from '../../../src/workers/messages.ts';
import { remoteConfig, uploadInputs } from '../../service/harness.ts';
import { hasMoto, type Moto, startMoto } from '../../service/moto.ts';
import { scratch, smallConfig } from '../../support/cli.ts';
import { batchRun } from './batch-run.ts';
import { executorContract } from './contract.ts';
import { localRun } from './local-run.ts';

const folder = scratch();
afterAll(() => folder.remove());

/** The config with some keys of its sections changed. */
function merged(base: Record<string, unknown>, changes: Readonly<Record<string, object>>): Record<string, unknown> {
  const { dataset = {}, ...others } = changes;
  return {
    ...base,
    suite: [{ attack: 'apgd-ce', iterations: 3 }],
    ...others,
    dataset: { ...Object(base.dataset), ...dataset },
  };
}

let opened = 0;
executorContract('the worker pool', (changes) =>
  localRun(merged(smallConfig(), changes), folder.path(`local-${opened++}`)),
);

describe.runIf(hasMoto)('with the emulator', () => {
  let moto: Moto;
  beforeAll(async () => {
    moto = await startMoto();
    await uploadInputs(moto);
  });
  afterAll(() => moto.stop());

  executorContract('Batch', (changes) => batchRun(merged(remoteConfig({ name: 'contract' }), changes), moto));
});

test('errors cross from a worker with what they mean: bad input, a fault that passes, one that stays', () => {
  const answered = (httpStatusCode: number) =>
    s3Error(
      new S3ServiceException({ name: 'Fault', message: 'as it is', $fault: 'server', $metadata: { httpStatusCode } }),
      'read',
      's3://b/k',
    );
  const reset = s3Error(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }), 'read', 's3://b/k');
  const crossed = (error: unknown) => {
    const reply = toFailure(error);
    if (reply.kind !== 'failed') throw new Error('no failure');
    return fromFailure(reply);
  };
  for (const error of [answered(503), answered(429), reset]) {
    expect(error).toBeInstanceOf(TransientError);
    expect(crossed(error)).toBeInstanceOf(TransientError);
    expect(crossed(error).message).toBe(error.message);
  }
  for (const error of [
    answered(403),
    new RunError('out of memory'),
    new Error('a bug'),
    new InputError('no such file'),
  ])
    expect(crossed(error)).not.toBeInstanceOf(TransientError);
  expect(crossed(new InputError('no such file'))).toBeInstanceOf(InputError);
  expect(crossed(new Error('a bug')).stack).toContain('executors.test.ts');
});
