import '../service/quiet.ts';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { S3Store } from '../../src/stores/s3/store.ts';
import { remoteConfig, timeless, uploadInputs } from '../service/harness.ts';
import { hasMoto, type Moto, startMoto } from '../service/moto.ts';
import { type Finished, igd, scratch, writeJson } from '../support/cli.ts';

const DEMO = 'examples/demo/';
const REMOTE = 's3://igd-inputs/demo/';
const OUT = 's3://igd-runs/by-hand/';

describe.runIf(hasMoto)('every path of a command may be an s3:// URI', () => {
  const folder = scratch();
  let moto: Moto;
  const at = (bucket: string) => new S3Store({ bucket, prefix: '' });
  const written = async (key: string) => Buffer.from((await at('igd-runs').get(`by-hand/${key}`)) ?? '');
  const done = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await igd(args);
    expect(stderr.split('\n').filter((line) => /warning|igd:/i.test(line))).toEqual([]);
    expect(code, stderr).toBe(0);
    return stdout;
  };
  beforeAll(async () => {
    moto = await startMoto();
    process.env.XDG_CACHE_HOME = folder.path('cache');
    await uploadInputs(moto);
    const config = JSON.stringify(remoteConfig({ name: 'by-hand', variants: ['none', 'loir'] }));
    await at('igd-inputs').put('config.json', config);
  });
  afterAll(async () => {
    await moto.stop();
    folder.remove();
  });

  test('inspect, validate', async () => {
    const checkpoint = 'shapes10-rn18-w8.pt';
    const [remote, local] = await Promise.all([
      done('inspect', REMOTE + checkpoint, '--json'),
      done('inspect', DEMO + checkpoint, '--json'),
    ]);
    expect(JSON.parse(remote)).toEqual({ ...JSON.parse(local), file: REMOTE + checkpoint });
    expect(await done('validate', 's3://igd-inputs/config.json')).toContain('s3://igd-inputs/config.json is a valid');
  });

  test('rank, predict, import: what they read and what they write', async () => {
    const rank = (place: string, out: string) =>
      done(
        'rank',
        `${place}shapes10-rn18-w8.pt`,
        '--layer',
        'layer4',
        '--images',
        '100',
        '--out',
        out,
        '--data',
        `${place}train.bin`,
      );
    await rank(REMOTE, `${OUT}ranking.json`);
    await rank(DEMO, folder.path('ranking.json'));
    expect((await written('ranking.json')).equals(readFileSync(folder.path('ranking.json')))).toBe(true);

    const predict = (place: string, ranking: string, logits: string) =>
      done(
        ...[
          'predict',
          `${place}shapes10-rn18-w8.pt`,
          '--data',
          `${place}test.bin`,
          '--first',
          '8',
          '--layer',
          'layer4',
        ],
        ...['--units', '12', '--ranking', ranking, '--logits', logits],
      );
    await predict(REMOTE, `${OUT}ranking.json`, `${OUT}logits.npy`);
    await predict(DEMO, folder.path('ranking.json'), folder.path('logits.npy'));
    expect((await written('logits.npy')).equals(readFileSync(folder.path('logits.npy')))).toBe(true);

    await done('import', `${REMOTE}shapes10-rn18-w8.pt`, '--out', `${OUT}net.onnx`);
    await done('import', `${DEMO}shapes10-rn18-w8.pt`, '--out', folder.path('net.onnx'));
    expect((await written('net.onnx')).equals(readFileSync(folder.path('net.onnx')))).toBe(true);
  });

  test('run, verify, report: as in a folder', async () => {
    const rankings = ['--rankings', 's3://igd-rankings'];
    const run = (out: string) => done('run', 's3://igd-inputs/config.json', '--out', out, ...rankings);
    expect(await run(`${OUT}run`)).toContain(`report: ${OUT}run/report.html`);
    expect(await run(`${OUT}run/`)).toContain('finished already');
    await run(folder.path('run'));
    const local = readFileSync(folder.path('run/report.json'), 'utf8');
    expect(timeless((await written('run/report.json')).toString())).toEqual(timeless(local));
    expect(await done('verify', `${OUT}run`, ...rankings)).toMatch(/all \d+ adversarial examples hold/);
    expect(await done('verify', folder.path('run'), ...rankings)).toMatch(/all \d+ adversarial examples hold/);
    await at('igd-runs').remove('by-hand/run/report.html');
    expect(await done('report', `${OUT}run`, ...rankings)).toContain(`report: ${OUT}run/report.html`);
    expect((await written('run/report.html')).length).toBeGreaterThan(1000);
  });

  const refusal = ({ code, stdout, stderr }: Finished) => ({ code, stdout, stderr: stderr.trim() });
  test.each<[string, string[], RegExp]>([
    ['a checkpoint that is not there', ['inspect', `${REMOTE}gone.pt`], /demo\/gone\.pt: it is not there$/],
    ['a config that is not there', ['run', `${REMOTE}gone.json`, '--out', 'x'], /demo\/gone\.json: it is not there$/],
    ['a run that is not there', ['verify', `${OUT}gone`], /^igd: s3:\/\/igd-runs\/by-hand\/gone\/ holds no run/],
    ['no bucket', ['report', 's3://'], /^igd: "s3:\/\/" names no bucket: give s3:\/\/bucket\/prefix$/],
    [
      'a folder it can only have here',
      ['fetch', 'cifar10', '--to', OUT],
      /^igd: --to s3:.*give a folder on this machine/,
    ],
  ])('%s is one line', async (_, args, message) => {
    const found = refusal(await igd(args));
    expect(found).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(message) });
    expect(found.stderr).not.toContain('\n');
  });

  test('the SDK’s warning of old Nodes is not shown, other warnings are', async () => {
    // What other tests set for themselves; a user has not.
    delete process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED;
    const service = writeJson(folder.path('service.json'), moto.service);
    expect(await igd(['list', '--service', service])).toMatchObject({ code: 0, stderr: '' });
    process.env.NODE_OPTIONS = '--import "data:text/javascript,process.emitWarning(`another`)"';
    const { stderr } = await igd(['list', '--service', service]).finally(() => delete process.env.NODE_OPTIONS);
    expect(stderr).toMatch(/^\(node:\d+\) Warning: another\n/);
    expect(stderr).not.toContain('NodeVersionSupport');
  });
});
