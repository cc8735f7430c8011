import './quiet.ts';
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { handleEvent } from '../../functions/finalizer/handler.ts';
import { plan } from '../../functions/planner/handler.ts';
import { uploadConfig } from '../../src/cli/remote/answer.ts';
import { answerSchema, serviceKeys } from '../../src/schemas/service.ts';
import { listRuns } from '../../src/service/run-control.ts';
import { remoteConfig, type Scene, scene, uploadInputs } from './harness.ts';
import { hasMoto, type Moto, startMoto } from './moto.ts';

const SECOND = '2026-11-26T10:00:00Z';

describe.runIf(hasMoto)('an uploaded config is answered', () => {
  let moto: Moto;
  let stage: Scene;
  beforeAll(async () => {
    moto = await startMoto();
    await uploadInputs(moto);
  });
  beforeEach(async () => {
    stage = await scene(moto);
  });
  afterAll(() => moto.stop());

  const s3 = new S3Client({});
  let sequence = 0;

  /** Puts an object, and gives the event of it. */
  async function upload(key: string, text: string | Uint8Array, size = text.length): Promise<unknown> {
    const bucket = stage.ctx.service.buckets.runs;
    const { VersionId } = await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: text }));
    sequence += 1;
    const sequencer = `00617F08299329D1${sequence.toString(16).toUpperCase().padStart(2, '0')}`;
    const object = { key, size, 'version-id': VersionId, sequencer };
    return {
      'detail-type': 'Object Created',
      source: 'aws.s3',
      time: SECOND,
      detail: { bucket: { name: bucket }, object },
    };
  }
  const config = (seed: number) => JSON.stringify(remoteConfig({ name: 'twice', seed, variants: ['none'] }));
  const answerAt = async (key: string) => {
    const bytes = await stage.ctx.runs.get(key);
    return bytes && answerSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  };
  const problemsAt = async (name: string) => {
    const answer = await answerAt(serviceKeys.rejected(name));
    return answer?.schema === 'igd.rejected/1' ? answer.problems : [];
  };

  test('each of two uploads of a name in one second, whichever planner is the slower', async () => {
    const key = serviceKeys.config('twice');
    const [older, newer] = [await upload(key, config(1)), await upload(key, config(2))];
    await plan(stage.ctx, newer);
    await plan(stage.ctx, older);
    expect(await listRuns(stage.ctx)).toHaveLength(2);
    const keys = await stage.ctx.runs.list(serviceKeys.answersTo('twice'));
    const [first, second] = await Promise.all(keys.map(answerAt));
    expect([first?.sha256, second?.sha256]).toEqual([1, 2].map((seed) => digest(config(seed))));
    expect(await answerAt(serviceKeys.accepted('twice'))).toEqual(second);
    // Again, and both at once.
    await Promise.all([older, newer, older, newer].map((event) => plan(stage.ctx, event)));
    expect(await answerAt(serviceKeys.accepted('twice'))).toMatchObject({ sha256: digest(config(2)) });
  });

  test('and igd submit waits for the one to its own', async () => {
    const { runs } = stage.ctx;
    const other = await upload(serviceKeys.config('twice'), config(3));
    await plan(stage.ctx, other);
    const waiting = uploadConfig(runs, 'twice', config(4), 60);
    let seen = '';
    while (seen !== config(4)) {
      seen = new TextDecoder().decode(await runs.get(serviceKeys.config('twice')));
      await delay(20);
    }
    await plan(stage.ctx, await upload(serviceKeys.config('twice'), config(4)));
    // Another upload has replaced what lies under the name before it looks.
    await plan(stage.ctx, await upload(serviceKeys.config('twice'), config(5)));
    expect(await waiting).toMatchObject({ sha256: digest(config(4)), started: true });
  });

  test('in a folder, and with an extension in capitals', async () => {
    await plan(stage.ctx, await upload('configs/team/a.JSON', config(6)));
    expect(await answerAt(serviceKeys.accepted('team/a'))).toMatchObject({ started: true });
  });

  test('the same config is the same run, in YAML and as PowerShell encodes it', async () => {
    await plan(stage.ctx, await upload(serviceKeys.config('json'), config(6)));
    const { run } = (await answerAt(serviceKeys.accepted('json'))) as { run?: string };
    await plan(stage.ctx, await upload('configs/yaml.yml', stringify(JSON.parse(config(6)))));
    await plan(stage.ctx, await upload('configs/windows.jsonc', Buffer.from(`\ufeff// ours\n${config(6)}`, 'utf16le')));
    for (const name of ['yaml', 'windows'])
      expect(await answerAt(serviceKeys.accepted(name))).toMatchObject({ run, started: false });
  });

  test('by what it is called, and a schedule by its name, where it does not fit', async () => {
    await plan(stage.ctx, await upload('configs/odd.yaml', stringify({ ...JSON.parse(config(6)), sede: 1 })));
    expect(await problemsAt('odd')).toEqual([expect.stringMatching(/^configs\/odd\.yaml: unknown key "sede"/)]);
    const scheduled = { schedule: { name: 'nightly', config: { ...JSON.parse(config(6)), sede: 1 } } };
    await plan(stage.ctx, scheduled);
    expect(await problemsAt('nightly')).toEqual([expect.stringMatching(/^schedule nightly: unknown key "sede"/)]);
  });

  test.each([
    [
      'run.txt',
      'run.txt',
      'name: run',
      /run\.txt is no config: its name has to end with \.json, \.jsonc, \.yaml or \.yml/,
    ],
    ['notes', 'notes', '', /is no config/],
    ['twice.yaml', 'twice', 'seed: 1\nseed: 2', /^configs\/twice\.yaml: "seed" stands twice, at line 1, .* at line 2,/],
    ['latin.json', 'latin', Buffer.from([0x22, 0xfc, 0x22]), /^configs\/latin\.json is not UTF-8 \(line 1\)/],
    ['large.json', 'large', '{}', /has 2000000000 bytes, which no config has/],
  ])('%s, which is none', async (file, name, text, problem) => {
    const event = await upload(`configs/${file}`, text, name === 'large' ? 2e9 : text.length);
    await plan(stage.ctx, event);
    expect(await problemsAt(name)).toEqual([expect.stringMatching(problem)]);
    expect(stage.notices.map(({ subject }) => subject)).toEqual([`igd: config ${name} was rejected`]);
  });

  describe('where the planner died of it', () => {
    /** What Lambda tells after the last try. */
    const failed = (requestPayload: unknown, errorMessage: string) => ({
      version: '1.0',
      timestamp: '2026-11-26T10:30:00.000Z',
      requestContext: { requestId: 'a', functionArn: 'b', condition: 'RetriesExhausted', approximateInvokeCount: 3 },
      requestPayload,
      responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
      responsePayload: { errorType: 'Error', errorMessage },
    });

    test.each([
      [
        'RequestId: 4 Error: Task timed out after 900.00 seconds',
        /after 3 tries: .*900\.00 seconds; .* give smaller files/,
      ],
      ['RequestId: 4 Error: Runtime exited with error: signal: killed', /signal: killed; .* give smaller files/],
      ['cannot submit job a: denied', /cannot submit job a: denied; see docs\/runbook\.md#planner-errors$/],
    ])('%s', async (message, problem) => {
      await handleEvent(stage.ctx, failed(await upload(serviceKeys.config('dead'), config(7)), message));
      expect(await problemsAt('dead')).toEqual([expect.stringMatching(problem)]);
      expect(stage.notices.map(({ subject }) => subject)).toEqual(['igd: config dead was rejected']);
    });

    test('but not after it had answered: the run goes on', async () => {
      const scheduled = { schedule: { name: 'nightly', config: JSON.parse(config(9)) } };
      for (const event of [await upload(serviceKeys.config('twice'), config(8)), scheduled]) {
        const notify = () => Promise.reject(new Error('unused'));
        await plan({ ...stage.ctx, notify }, event);
        await handleEvent(stage.ctx, failed(event, 'cannot submit'));
      }
      expect(stage.notices).toEqual([]);
      expect(await problemsAt('twice')).toEqual([]);
      // Fired again a day later, it has none.
      const later = { ...stage.ctx, now: () => new Date(Date.now() + 24 * 3600_000) };
      await handleEvent(later, failed(scheduled, 'cannot submit'));
      expect(await problemsAt('nightly')).toHaveLength(1);
    });
  });

  test('where it was deleted before it was read', async () => {
    const event = Object(await upload('configs/gone.json', '{}'));
    event.detail.object['version-id'] = 'no-such-version';
    await plan(stage.ctx, event);
    expect(await problemsAt('gone')).toEqual([
      expect.stringMatching(/was deleted before it was read: upload it again/),
    ]);
  });
});

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
