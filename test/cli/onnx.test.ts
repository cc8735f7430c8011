import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { reportSchema } from '../../src/schemas/report.ts';
import { igd, scratch, smallConfig, writeJson } from '../support/cli.ts';
import { describeWithShared } from '../support/shared.ts';

const MODELS = {
  'resnet_2b.onnx': {
    normalize: { mean: [0.4914, 0.4822, 0.4465], std: [0.2471, 0.2435, 0.2616] },
    layer: '32',
    accuracy: 0.677,
  },
  'cifar_base_kw.onnx': {
    normalize: { mean: [0.485, 0.456, 0.406], std: [0.225, 0.225, 0.225] },
    layer: '12',
    accuracy: 0.54,
  },
  'cifar10_small_nhwc.onnx': { layout: 'NHWC', layer: 'sequential/dense/Relu:0', accuracy: 0.577 },
} as const;

describeWithShared('third-party .onnx classifiers through igd run', (reference) => {
  test.each(Object.entries(MODELS))(
    '%s reaches its accuracy, is masked and attacked',
    async (file, { layer, accuracy, ...input }) => {
      const folder = scratch();
      const config = smallConfig({
        checkpoint: { uri: join(reference, 'onnx', file), ...input },
        dataset: {
          format: 'cifar10',
          test: join(reference, 'cifar10/test_1000.bin'),
          probe: join(reference, 'cifar10/train_5000.bin'),
          testImages: 300,
          probeImages: 300,
        },
        layer,
        importantUnits: 8,
        variants: ['none', 'loir'],
        threat: { norm: 'Linf', epsilon: '2/255' },
        suite: [{ attack: 'apgd-ce', iterations: 10 }],
        compute: { batchSize: 50, imagesPerShard: 100 },
      });
      const out = folder.path('out');
      const run = await igd([
        'run',
        writeJson(folder.path('c.json'), config),
        '--out',
        out,
        '--rankings',
        folder.path('r'),
      ]);
      expect(run.code, run.stderr).toBe(0);
      const { variants } = reportSchema.parse(JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')));
      expect(variants[0]!.clean.accuracy).toBeCloseTo(accuracy, 3);
      expect(variants[0]!.robust.correct).toBeLessThan(variants[0]!.clean.correct);
      expect(variants.map(({ id }) => id)).toEqual(['none', 'loir']);
      expect(await igd(['verify', out, '--rankings', folder.path('r')])).toMatchObject({ code: 0 });
      folder.remove();
    },
  );
});
