import { describe, expect, test } from 'vitest';
import { imageShifts, shiftTable } from '../../../src/evaluation/analysis/activation-shift.ts';
import { wilsonInterval } from '../../../src/numeric/statistics.ts';
import { float32 } from '../../../src/numeric/tensor.ts';
import { analysisFiles } from '../../../src/report/analysis/files.ts';
import { parameterSweepFiles, parameterSweepTable } from '../../../src/report/parameter-sweep.ts';
import {
  type AnalysisReport,
  analysisReportSchema,
  type PublishedShifts,
  type SurfaceResult,
} from '../../../src/schemas/analysis.ts';
import { type ParameterSweepReport, parameterSweepReportSchema } from '../../../src/schemas/parameter-sweep.ts';
import { checkWellFormed } from './well-formed.ts';

const HOSTILE = `</title><script>alert("1")</script>`;

function checkFiles(files: ReadonlyMap<string, string>): void {
  for (const [name, text] of files) {
    expect(text.match(/undefined|NaN|Infinity|\[object/g), name).toBeNull();
    expect(text.endsWith('\n'), name).toBe(true);
    if (/\.(html|svg|md)$/.test(name)) expect(text, name).not.toMatch(/<script|zr\d/);
    if (name.endsWith('.html')) expect(checkWellFormed(text, new Set(['meta', 'br'])), name).toEqual([]);
    if (name.endsWith('.svg')) expect(checkWellFormed(text), name).toEqual([]);
    if (name.endsWith('.html')) {
      const ids = [...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
      expect(new Set(ids).size, name).toBe(ids.length);
    }
  }
}

describe('the files of an analysis', () => {
  const surface = (variant: string, zeroGradient = false): SurfaceResult => ({
    schema: 'igd.surface/1',
    variant,
    image: 4,
    label: 0,
    steps: [-8 / 255, 0, 8 / 255],
    loss: zeroGradient
      ? [
          [0, 0, 0],
          [0, 0, 0],
          [0, 0, 0],
        ]
      : [
          [0.1, 0.2, 0.1],
          [0.5, 0.6, 0.5],
          [2, 2.5, 3],
        ],
    prediction: [
      [0, 0, 0],
      [0, 0, 0],
      [0, 1, 1],
    ],
    zeroGradient,
  });

  const published: PublishedShifts = {
    source: HOSTILE,
    notes: [HOSTILE],
    rows: [
      {
        ...{ outcome: 'successful', group: 'trueClass' },
        published: -0.4484,
        ours: -0.4,
        interval: [-0.5, -0.3],
        within: true,
      },
      {
        ...{ outcome: 'successful', group: 'unimportant' },
        published: 0.0063,
        ours: 0.2,
        interval: [0.1, 0.3],
        within: false,
      },
      {
        ...{ outcome: 'unsuccessful', group: 'otherClasses' },
        published: 0.05,
        ours: null,
        interval: null,
        within: null,
      },
    ],
  };

  function filesOf(
    predictions: readonly number[],
    surfaces: SurfaceResult[] = [],
    theirs: AnalysisReport['published'] = null,
  ) {
    const masks = float32([2, 3], [1, 0, 0, 0, 1, 0]);
    const labels = predictions.map(() => 0);
    const before = Float32Array.from(predictions.flatMap((_, i) => [1 + i, 2, 3]));
    const after = before.map((value, i) => value * (1 + (i % 3) / 10));
    const shifts = imageShifts({
      before,
      after,
      labels,
      predictionsBefore: labels,
      predictionsAfter: predictions,
      masks,
    });
    const report: AnalysisReport = analysisReportSchema.parse({
      schema: 'igd.analysis/1',
      name: HOSTILE,
      id: 'abc',
      checkpoint: {
        ...{ uri: 'x.pt', sha256: 'a', architecture: HOSTILE },
        reading: [{ key: HOSTILE, value: 'relu', source: 'assumed' }],
        testimony: { outcome: 'none', norms: 0, images: 9, mean: 0, variance: 0 },
      },
      proofs: { none: { images: 4, checks: [{ check: 'neighbours', difference: 0 }], notes: [] } },
      attack: { attack: 'apgd-ce' },
      threat: { norm: 'Linf', epsilon: 8 / 255 },
      layer: 'layer4',
      units: 3,
      importantUnits: 1,
      ranking: 'loir',
      attacked: predictions.length,
      images: 9,
      shift: shiftTable(shifts),
      surfaces,
      published: theirs,
    });
    const images = predictions.map((prediction, image) => ({ image, label: 0, prediction }));
    return analysisFiles(report, { images, shifts, classNames: [HOSTILE, 'b'] });
  }

  test.each([
    ['both outcomes', [1, 0, 1, 0]],
    ['one image', [1]],
    ['no success', [0, 0]],
    ['nothing to attack', []],
  ])('are well-formed and say nothing that is not: %s', (_, predictions) => {
    checkFiles(filesOf(predictions));
  });

  test('print published shifts beside ours', () => {
    const files = filesOf([1, 0], [], published);
    checkFiles(files);
    const page = files.get('analysis.html') ?? '';
    expect(page).toContain('−44.8%');
    expect(page).toContain('<span class="interval">[−50.0, −30.0]</span>');
    expect(page).toContain('<td>no</td>');
    expect(filesOf([1, 0]).get('analysis.html')).not.toContain('Published');
  });

  test('draw a panel for each surface, also where there is no gradient', () => {
    const files = filesOf([1, 0], [surface('none'), surface('conf@0.8', true)]);
    checkFiles(files);
    expect([...files.keys()]).toEqual(expect.arrayContaining(['surface-4-none.svg', 'surface-4-conf@0.8.svg']));
    expect(files.get('analysis.html')).toContain('The gradient is exactly zero at the image, or no number: conf@0.8.');
    expect(files.get('surfaces.csv')?.split('\n')).toHaveLength(1 + 2 * 9 + 1);
    // One rectangle a point, the strongest where the loss is highest, in the colour of a wrong answer.
    const cells = [
      ...(files.get('surface-4-none.svg') ?? '').matchAll(/<(?:path|rect)[^>]*fill="var\(--(robust|worst)\)"/g),
    ];
    expect(cells.filter(([text]) => !text.includes('width="14"')).map(([, colour]) => colour)).toEqual([
      ...Array(7).fill('robust'),
      ...['worst', 'worst'],
    ]);
  });

  test('have the numbers in the order a reader expects', () => {
    const [header, trueClass, postAttack] = (filesOf([1]).get('shift.csv') ?? '').split('\n');
    expect(header).toBe('outcome,group,shift,standard_error,median,images,units');
    expect(trueClass).toMatch(/^successful,trueClass,0,,0,1,1$/);
    expect(postAttack).toMatch(/^successful,postAttackClass,0\.1\d*,,0\.1\d*,1,1$/);
  });
});

describe('the files of a parameter sweep', () => {
  const share = (correct: number) => ({ accuracy: correct / 50, correct, interval: wilsonInterval(correct, 50) });
  const report: ParameterSweepReport = parameterSweepReportSchema.parse({
    schema: 'igd.sweep/1',
    name: HOSTILE,
    key: 'layer',
    igdVersion: '0',
    runs: ['layer3', HOSTILE].map((value, i) => ({
      value,
      folder: `layer=${i}`,
      id: `${i}`,
      images: 50,
      variants: [
        { id: 'none', mask: 'none', clean: share(40), robust: share(10), worstCase: share(10) },
        {
          id: 'conf@0.8',
          mask: 'confidence',
          threshold: 0.8,
          clean: share(39 - i),
          robust: share(20),
          worstCase: share(9),
        },
      ],
    })),
  });

  test('are well-formed, and hold every number', () => {
    const files = parameterSweepFiles(report);
    checkFiles(files);
    expect([...files.keys()].at(-1)).toBe('sweep.json');
    expect(files.get('sweep.csv')?.trimEnd().split('\n')).toHaveLength(1 + 2 * 2 * 3);
    expect(files.get('sweep.csv')).toContain('layer,layer3,conf@0.8,worst-case,0.18,9,');
    expect(files.get('sweep.html')).toContain('76.0%');
    expect(parameterSweepTable(report)).toMatch(
      /Clean accuracy\nlayer +layer3 .*\nnone +80\.0% +80\.0%\nconf@0\.8 +78\.0% +76\.0%\n/,
    );
  });

  test('over data have a mean of every measure, in which each value counts once', () => {
    const names = ['fog.npy', 'snow.npy'];
    const runs = report.runs.map((run, i) => ({ ...run, value: `c/${names[i]}`, folder: `dataset.test=${names[i]}` }));
    const files = parameterSweepFiles({ ...report, key: 'dataset.test', runs });
    checkFiles(files);
    expect(files.get('sweep.md')).toMatch(/\| dataset\.test \| +fog\.npy \| +snow\.npy \| +mean \|/);
    expect(files.get('sweep.md')).toMatch(/\| conf@0\.8 .* 78\.0% .* 76\.0% .* 77\.0% \|/);
    expect(files.get('sweep.md')).toContain('clean accuracy is that under the corruption');
    expect(files.get('sweep.csv')).toContain('dataset.test,mean,conf@0.8,clean,0.77,,,');
    expect(files.get('sweep.html')).toContain('Mean: each value counts once.');
    const partial = parameterSweepFiles({ ...report, key: 'dataset.test', runs, missing: ['dataset.test=frost.npy'] });
    for (const name of ['sweep.md', 'sweep.csv', 'sweep.html']) expect(partial.get(name)).not.toMatch(/mean/i);
    expect(partial.get('sweep.md')).toContain('clean accuracy is that under the corruption');
    expect(partial.get('sweep.md')).toContain('something of them is missing: dataset.test=frost.npy');
  });

  test('come through with one value', () => {
    checkFiles(parameterSweepFiles({ ...report, runs: report.runs.slice(0, 1) }));
  });
});
