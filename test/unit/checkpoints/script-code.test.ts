import { describe, expect, it } from 'vitest';
import { CALLS, classesIn } from '../../../src/checkpoints/torch/script-code.ts';
import { evidenceOf } from '../../../src/models/module-evidence.ts';

/** A class as torch.jit.trace and torch.jit.script (2.13) write it. */
const body = (name: string, ...lines: string[]) =>
  `class ${name}(Module):\n  __parameters__ = []\n  training : bool\n${lines.map((line) => `  ${line}\n`).join('')}`;
const traced = (call: string) => body('X', 'def forward(self: X, argument_1: Tensor) -> Tensor:', `  return ${call}`);
const attributesOf = (text: string) => Object.fromEntries(classesIn('__torch__/a/b.py', text)[0]![1]);

describe('the text of a TorchScript program', () => {
  it('names classes by their place', () => {
    const classes = classesIn('__torch__/torch/nn/modules/conv/___torch_mangle_0.py', body('Conv2d') + body('Other'));
    const place = '__torch__.torch.nn.modules.conv.___torch_mangle_0';
    expect(classes.map(([name]) => name)).toEqual([`${place}.Conv2d`, `${place}.Other`]);
  });

  it.each([
    [
      'torch._convolution(input, weight, bias, [2, 2], [0, 1], [1, 1], False, [0, 0], 1, False, False, True, True)',
      { stride: [2, 2], padding: [0, 1], dilation: [1, 1] },
    ],
    ['torch.pad(input, [1, 1, 1, 1], "reflect")', { padding_mode: 'reflect' }],
    [
      'torch.batch_norm(x, weight, bias, running_mean, running_var, False, 0.10000000000000001, 1.0000000000000001e-05, True)',
      { momentum: 0.1, eps: 1e-5 },
    ],
    ['torch.layer_norm(input, [96], weight, bias, 9.9999999999999995e-07)', { eps: 1e-6 }],
    ['torch.leaky_relu(input, 0.20000000000000001)', { negative_slope: 0.2 }],
    ['torch.leaky_relu_(input, 0.01)', { negative_slope: 0.01 }],
    ['torch.gelu(x, approximate="tanh")', { approximate: 'tanh' }],
    ['torch.softplus(x, 2, 20)', { beta: 2, threshold: 20 }],
    [
      'torch.max_pool2d(x, [3, 3], [2, 2], [1, 1], [1, 1], True)',
      { kernel_size: [3, 3], stride: [2, 2], padding: [1, 1], dilation: [1, 1], ceil_mode: true },
    ],
    ['torch.avg_pool2d(x, [8, 8], [8, 8], [0, 0])', { kernel_size: [8, 8], stride: [8, 8], padding: [0, 0] }],
    [
      'torch.avg_pool2d((relu).forward(x, ), [8, 8], annotate(List[int], []), [0, 0])',
      { kernel_size: [8, 8], stride: [], padding: [0, 0] },
    ],
    ['torch.avg_pool2d(x0, [8, 8])', { kernel_size: [8, 8] }],
    ['torch.adaptive_avg_pool2d(input, [1, 1])', { output_size: [1, 1] }],
  ])('tells what %s does', (call, expected) => {
    const { [CALLS]: calls, ...attributes } = attributesOf(traced(call));
    expect(attributes).toEqual(expected);
    expect(calls).toBe(/torch\.(\w+)/.exec(call)![1]);
  });

  it('tells the constants of scripted classes', () => {
    const lines = ['stride : Final[Tuple[int, int]] = (2, 2)', 'padding_mode : Final[str] = "circular"'];
    const more = ['eps : Final[float] = 0.001', 'ceil_mode : Final[bool] = False'];
    const expected = { stride: [2, 2], padding_mode: 'circular', eps: 0.001, ceil_mode: false };
    expect(attributesOf(body('X', ...lines, ...more))).toEqual(expected);
  });

  it('is searched in no time, however it is made', () => {
    const start = performance.now();
    attributesOf(traced(`${'torch.batch_norm(, '.repeat(20_000)}${'torch.pad('.repeat(20_000)}`));
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe('what a program calls outside of its activation modules', () => {
  const module = (path: string, calls: string, more: Record<string, number> = {}) => ({
    path,
    className: '__torch__.nets.Block',
    attributes: new Map<string, string | number>([[CALLS, calls], ...Object.entries(more)]),
  });
  const names = ['layer1.0.conv1.weight', 'conv1.weight'];

  it('is the activation', () => {
    expect(evidenceOf([module('', 'silu flatten'), module('layer1.0', 'silu_ add')], names).activation).toBe('silu');
    const leaky = module('layer1.0', 'leaky_relu', { negative_slope: 0.1 });
    expect(evidenceOf([leaky], names)).toMatchObject({ activation: 'leaky-relu', slope: 0.1 });
  });

  it('is refused where it is two, or nothing that an architecture has on its way to the logits', () => {
    expect(() => evidenceOf([module('', 'silu'), module('layer1.0', 'relu')], names)).toThrow('cannot tell which');
    expect(() => evidenceOf([module('', 'relu softmax')], names)).toThrow('its program calls softmax');
    expect(() => evidenceOf([module('', 'div relu')], names)).toThrow('torch.onnx.export');
    const around = { ...module('', 'log_softmax'), place: 'around' } as const;
    expect(() => evidenceOf([around, module('layer1.0', 'relu')], names)).toThrow('its program calls log_softmax');
    const normalising = { ...module('', 'sub div'), place: 'around' } as const;
    expect(evidenceOf([normalising, module('', 'relu')], names).activation).toBe('relu');
    // Within a block: attention, a gate.
    expect(evidenceOf([module('', 'relu'), module('layer1.0', 'softmax sigmoid')], names).activation).toBe('relu');
  });
});
