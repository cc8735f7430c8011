import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodeNpy } from '../../src/numeric/npy.ts';
import { float32, int64 } from '../../src/numeric/tensor.ts';
import { encodeModel } from '../../src/onnx/codec/model.ts';
import { PROOF_CHECKS } from '../../src/schemas/proof.ts';
import { reportSchema } from '../../src/schemas/report.ts';
import { igd, scratch, writeJson } from '../support/cli.ts';
import { network, PLAIN } from '../unit/evaluation/proof/support.ts';
import { node } from '../unit/onnx/support/models.ts';
import { randomTensor } from '../unit/onnx/support/run.ts';

let folder: ReturnType<typeof scratch>;
beforeEach(() => {
  folder = scratch();
  const images = randomTensor([4, 3, 5, 5], 3);
  writeFileSync(folder.path('x.npy'), encodeNpy(float32(images.dims, images.data.map(Math.abs))));
  writeFileSync(folder.path('y.npy'), encodeNpy(int64([4], [0, 1, 2, 3])));
  writeFileSync(folder.path('mixing.onnx'), encodeModel(network([node('Softmax', ['h'], 'm', { axis: 0 })])));
  writeFileSync(folder.path('plain.onnx'), encodeModel(PLAIN));
});
afterEach(() => folder.remove());

const dataset = () => ({ format: 'npy', test: folder.path('x.npy'), testLabels: folder.path('y.npy') });
const configOf = (model: string) =>
  writeJson(folder.path('config.json'), {
    name: 'proof',
    checkpoint: { uri: folder.path(model) },
    dataset: dataset(),
    variants: ['none'],
    threat: { norm: 'Linf', epsilon: 0.01 },
    suite: [{ attack: 'apgd-ce', iterations: 3 }],
  });

describe('a model that mixes its batch', () => {
  test('is refused in a line with exit code 2, whoever opens it', async () => {
    const [model, config, data] = [folder.path('mixing.onnx'), configOf('mixing.onnx'), folder.path('x.npy')];
    const commands = [
      ['predict', model, '--data', data, '--labels', folder.path('y.npy'), '--logits', folder.path('l.npy')],
      ['inspect', model, '--prove'],
      ['validate', config],
      ['run', config, '--out', folder.path('out')],
    ];
    for (const command of commands) {
      const { code, stderr } = await igd(command);
      expect(stderr, command[0]).toMatch(/mixing\.onnx mixes the images of a batch: .* differ by 0\.\d+ of their size/);
      expect({ code, trace: /\n\s+at /.test(stderr) }).toEqual({ code: 2, trace: false });
    }
    expect(existsSync(folder.path('l.npy'))).toBe(false);
    expect(existsSync(folder.path('out/report.json'))).toBe(false);
  });
});

describe('a model that does not', () => {
  test('is said to be proven by inspect and validate, and by a report', async () => {
    const proven = /proof +6 images, [\d.]+ s; relative differences: optimisation \d/;
    const config = configOf('plain.onnx');
    expect((await igd(['inspect', folder.path('plain.onnx'), '--prove'])).stdout).toMatch(proven);
    expect((await igd(['validate', config])).stdout).toMatch(proven);
    expect((await igd(['inspect', folder.path('plain.onnx')])).stdout).not.toContain('proof');
    const run = await igd(['run', config, '--out', folder.path('out'), '--rankings', folder.path('r')]);
    expect(run.code, run.stderr).toBe(0);
    const { variants } = reportSchema.parse(JSON.parse(readFileSync(folder.path('out/report.json'), 'utf8')));
    expect(variants[0]?.proof?.checks.map(({ check }) => check)).toEqual([...PROOF_CHECKS]);
  });
});
