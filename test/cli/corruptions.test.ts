import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeNpy } from '../../src/numeric/npy.ts';
import { float32 } from '../../src/numeric/tensor.ts';
import { GraphBuilder } from '../../src/onnx/builder.ts';
import { encodeModel } from '../../src/onnx/codec/model.ts';
import { reportSchema } from '../../src/schemas/report.ts';
import { igd, scratch, writeJson } from '../support/cli.ts';

/** The logit of a class is 8 times the mean of its channel. */
function channelModel(): Uint8Array {
  const builder = new GraphBuilder();
  const x = builder.input('x', [{ batch: 1 }, 3, 4, 4]);
  const weights = builder.initializer('w', float32([3, 3, 1, 1], Float32Array.from([8, 0, 0, 0, 8, 0, 0, 0, 8])));
  const conv = builder.op('Conv', [x, weights, builder.initializer('b', float32([3], new Float32Array(3)))]);
  const z = builder.op('ReduceMean', [conv, builder.ints([2, 3])], { keepdims: 0 }, { outputs: ['z'] });
  return encodeModel(builder.build([z], 'channels'));
}

const EACH = 8;
const labelOf = (image: number) => (image % EACH) % 3;
/** Severity s corrupts the last s of eight images beyond recognition. */
const isCorrupted = (image: number) => image % EACH >= EACH - (Math.floor(image / EACH) + 1);

const folder = scratch();
beforeAll(() => {
  writeFileSync(folder.path('channels.onnx'), channelModel());
  const data = Uint8Array.from({ length: 5 * EACH * 48 }, (_, i) => {
    const image = Math.floor(i / 48);
    const brightest = (labelOf(image) + (isCorrupted(image) ? 1 : 0)) % 3;
    return 100 + (i % 3 === brightest ? 60 : 0) + (image % EACH);
  });
  writeFileSync(folder.path('fog.npy'), encodeNpy({ type: 'uint8', dims: [5 * EACH, 4, 4, 3], data }));
  const labels = Uint8Array.from({ length: 5 * EACH }, (_, image) => labelOf(image));
  writeFileSync(folder.path('labels.npy'), encodeNpy({ type: 'uint8', dims: [5 * EACH], data: labels }));
});
afterAll(() => folder.remove());

test('a sweep over severities reports clean accuracy under each, labelled, and their mean, which is that of the whole file', async () => {
  const config = {
    name: 'fog',
    checkpoint: { uri: folder.path('channels.onnx') },
    dataset: { format: 'npy', test: folder.path('fog.npy'), testLabels: folder.path('labels.npy') },
    variants: ['none'],
    threat: { norm: 'Linf', epsilon: '1/255' },
    suite: [{ attack: 'apgd-ce', iterations: 1 }],
  };
  const severities = [1, 2, 3, 4, 5];
  const sweep = writeJson(folder.path('sweep.json'), { ...config, sweep: { 'dataset.severity': severities } });
  const rankings = ['--rankings', folder.path('rankings')];
  const done = await igd(['run', sweep, '--out', folder.path('out'), ...rankings]);
  expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining('dataset.severity=5 (5 of 5)') });
  const read = (file: string) => readFileSync(folder.path(file), 'utf8');
  const reports = severities.map((severity) =>
    reportSchema.parse(JSON.parse(read(`out/dataset.severity=${severity}/report.json`))),
  );
  expect(reports.map(({ variants }) => variants[0]?.clean.correct)).toEqual(
    severities.map((severity) => EACH - severity),
  );
  expect(new Set(reports.flatMap(({ run, dataset }) => [run.id, dataset.test.sha256])).size).toBe(10);
  expect(reports[2]?.dataset.corruption).toEqual({ name: 'fog', severity: 3 });
  const markdown = read('out/dataset.severity=3/report.md');
  expect(markdown).toContain('on 8 images of corruption fog, severity 3 under');
  expect(markdown).toContain('Clean is accuracy under corruption fog, severity 3, without an attack');
  const page = read('out/dataset.severity=3/report.html');
  expect(page).toContain('8 images of corruption fog, severity 3');
  expect(page).toContain('of corrupted images and');
  // 5 x 8 images, of which 15 are corrupted.
  expect(read('out/sweep.csv')).toContain('dataset.severity,mean,none,clean,0.625,,,');

  const whole = await igd([
    'run',
    writeJson(folder.path('c.json'), config),
    '--out',
    folder.path('whole'),
    ...rankings,
  ]);
  expect(whole.stdout).toContain('Clean is accuracy under corruption fog, without an attack');
  expect(reportSchema.parse(JSON.parse(read('whole/report.json'))).variants[0]?.clean).toMatchObject({
    accuracy: 0.625,
  });

  const entry = await igd(['report', folder.path('whole'), '--robustbench', ...rankings]);
  expect(entry).toMatchObject({ code: 2, stderr: expect.stringContaining('clean_acc of an entry is of clean images') });
});
