import { expect, test } from 'vitest';
import { InputError } from '../../src/errors.ts';
import { openModel } from '../../src/index.ts';
import { igd } from '../support/cli.ts';

const CHECKPOINT = 'examples/demo/shapes10-rn18-w8.pt';
const ONNX = 'test/fixtures/onnx/cnn.dynamic.opset16.onnx';

test.each([
  [CHECKPOINT, ['--model', 'tokensNorm=true'], 'no choice of tokensNorm'],
  [CHECKPOINT, ['--model', 'tokensnorm=1'], '--model unknown key "tokensnorm"; the nearest known name is "tokensNorm"'],
  [CHECKPOINT, ['--model', 'foo=1'], '--model unknown key "foo"; known are architecture, activation, '],
  [CHECKPOINT, ['--model', 'heads=3.5'], '--model heads: '],
  [CHECKPOINT, ['--model', 'activation=relu', '--model', 'activation=silu'], 'activation is given already'],
  [CHECKPOINT, ['--layout', 'NHWC'], 'shapes10-rn18-w8.pt: "layout" is for an .onnx; leave it out'],
  [ONNX, ['--state-dict', 'ema'], 'cnn.dynamic.opset16.onnx: "stateDict" is for a checkpoint; leave it out'],
  [ONNX, ['--zoo', 'cifar10/Linf/Nobody2020'], 'is no model of RobustBench'],
  [
    ONNX,
    ['--model', 'architecture=cifar-resnet'],
    'no choice of architecture: leave it out (its choices are testimony',
  ],
])('igd inspect %s with %j is refused in a line', async (file, flags, message) => {
  const { code, stdout, stderr } = await igd(['inspect', file, ...flags]);
  expect([code, stdout, stderr.trimEnd().split('\n').length], stderr).toEqual([2, '', 1]);
  expect(stderr).toContain(message);
});

test("so are a checkpoint's options with the bytes of an .onnx", async () => {
  for (const options of [{ stateDict: 'ema' }, { zoo: 'cifar10/Linf/Nobody2020' }])
    await expect(openModel(new Uint8Array(8), options)).rejects.toThrow(InputError);
});

test('igd predict refuses images of another data set than the model of the zoo', async () => {
  const flags = ['--data', 'examples/demo/test-64.bin', '--zoo', 'cifar100/Linf/Addepalli2022Efficient_RN18'];
  const { code, stderr } = await igd(['predict', CHECKPOINT, ...flags]);
  expect(code).toBe(2);
  expect(stderr).toContain('is a model of cifar100, the data are cifar10');
});
