import { describe, expect, it } from 'vitest';
import { type ModuleInfo, modulesBelow } from '../../../src/checkpoints/module-info.ts';
import { describeReading } from '../../../src/schemas/reading.ts';
import { bytes, info, MEAN, preActState, read, renamed, STD } from './support.ts';

const EXPORT = 'torch.onnx.export';

/** Reads a network pickled whole as `model` of another module, beside these. */
function wrapped(...beside: ModuleInfo[]) {
  return read(renamed(preActState(), 'model.'), {}, [info('', 'nets.Wrap'), info('model', 'nets.Net'), ...beside]);
}

const own = (...modules: ModuleInfo[]) => read(preActState(), {}, [info('', 'nets.Net'), ...modules]);

describe('what stands beside a network that was pickled whole', () => {
  it.each([
    'torch.nn.modules.activation.Softmax',
    'torch.nn.modules.activation.ReLU',
    'torch.nn.modules.upsampling.Upsample',
    'nets.Normalize',
  ])('is refused where igd does not know what it does: %s', (className) => {
    const read = () => wrapped(info('out', className));
    expect(read).toThrow(`its module "out" (${className}) stands beside the network`);
    expect(read).toThrow(/If nothing, say so: stateDict \(--state-dict\) "model"\. .*torch\.onnx\.export/);
  });

  it.each(['torch.nn.Identity', 'torch.nn.Dropout', 'torch.nn.CrossEntropyLoss'])('may be %s', (className) => {
    expect(bytes(wrapped(info('out', className)))).toBe(bytes(read(preActState())));
  });

  it('is seen behind prefixes that are taken off as well', () => {
    const modules = modulesBelow([info('', 'W'), info('model', 'N'), info('out', 'nets.Squash')], 'model.');
    expect(() => read(preActState(), {}, modules)).toThrow('its module "out" (nets.Squash) stands beside the network');
  });

  it('may be a normalisation whose numbers are lists, as that of torchvision.transforms', () => {
    const normalize = info('normalize', 'torchvision.transforms.Normalize', { mean: MEAN, std: STD });
    const classifier = wrapped(normalize);
    expect(bytes(classifier)).toBe(bytes(read(preActState(), { normalize: { mean: MEAN, std: STD } })));
    expect(describeReading(classifier.reading)[0]).toMatch(/^read from the file: normalization mean \[0\.25, 0\.5/);
    expect(() => wrapped(info('normalize', 'N', { mean: [0.5], std: [0.5] }))).toThrow('for images of 3 channels');
  });
});

describe('the modules of a network that was pickled whole', () => {
  it.each([
    [info('linear', 'nets.NormedLinear'), '(nets.NormedLinear) is of a class that igd does not know, and has weights'],
    [info('conv1', 'nets.WSConv2d'), '"conv1" (nets.WSConv2d) is of a class that igd does not know'],
    [
      { ...info('layer1', 'torch.nn.Sequential'), altered: 'a forward hook' },
      '(torch.nn.Sequential) has a forward hook',
    ],
    [info('avgpool', 'torch.nn.AdaptiveMaxPool2d'), 'takes a maximum where the architecture has none'],
    [info('layer2.pool', 'torch.nn.AvgPool2d', { kernel_size: 3 }), 'stands where the architecture has no mean'],
    [info('layer2.more', 'torch.nn.modules.activation.ReLU'), 'stands where the architecture has no activation'],
    [info('layer2.0.shortcut.2', 'torch.nn.modules.activation.ReLU'), 'the architecture has no activation'],
    [info('layer2.0.act', 'torch.nn.Identity'), 'stands where the architecture has an activation'],
    [info('layer2.gate', 'torch.nn.Sigmoid'), 'has a module torch.nn.Sigmoid at "layer2.gate"'],
    [info('blocks.0', 'timm.models.vision_transformer.ResPostBlock'), "normalises behind, igd's in front"],
    [info('', 'timm.models.VisionTransformer', { global_pool: 'max' }), 'has global_pool "max"'],
    [info('act', 'torch.nn.Softplus', { threshold: 1 }), 'has a Softplus with threshold 1'],
  ])('are refused where the architecture has others: %#', (module, message) => {
    const read = () => own(info('layer1.0.act', 'torch.nn.ReLU'), module);
    expect(read).toThrow(message);
    expect(read).toThrow(EXPORT);
  });

  it('have one slope', () => {
    const leaky = (path: string, slope: number) => info(path, 'torch.nn.LeakyReLU', { negative_slope: slope });
    expect(() => own(leaky('a', 0.1), leaky('b', 0.2))).toThrow('has LeakyReLUs of slope 0.1 and 0.2');
  });

  it('may be those of torch.nn', () => {
    const modules = [
      info('conv1', 'torch.nn.modules.conv.Conv2d', { stride: [1, 1], padding: [1, 1] }),
      info('layer1.0.bn1', 'torch.nn.modules.batchnorm.BatchNorm2d', { eps: 1e-5 }),
      info('avgpool', 'torch.nn.modules.pooling.AdaptiveAvgPool2d', { output_size: 1 }),
      info('linear', 'torch.nn.modules.linear.Linear'),
    ];
    expect(bytes(own(...modules))).toBe(bytes(read(preActState())));
  });
});

describe('the mean over the last maps', () => {
  // 4 x 4 pixels for images of 32 x 32.
  const pool = (className: string, attributes: Parameters<typeof info>[2], size = 32) =>
    read(preActState(), { imageShape: [3, size, size] }, [
      info('', 'nets.Net'),
      info('avgpool', `torch.nn.modules.pooling.${className}`, attributes),
    ]);

  it.each([
    ['AvgPool2d', { kernel_size: 4, stride: 4, padding: 0 }, 32],
    ['AvgPool2d', { kernel_size: [5, 5], stride: [5, 5], padding: 0 }, 40],
    ['AdaptiveAvgPool2d', { output_size: [1, 1] }, 48],
  ])('may be %s with %j of images of %i', (className, attributes, size) => {
    expect(bytes(pool(className, attributes, size))).toBe(bytes(read(preActState(), { imageShape: [3, size, size] })));
  });

  it.each([
    ['AvgPool2d', { kernel_size: 4, stride: 4, padding: 0 }, 40, 'averages windows of 4 x 4 of maps of 5 x 5'],
    [
      'AvgPool2d',
      { kernel_size: 3 },
      32,
      'averages windows of 3 x 3 of maps of 4 x 4, where the architecture averages',
    ],
    ['AvgPool2d', { kernel_size: [4, 2] }, 32, 'averages windows of 4 x 2 of maps of 4 x 4'],
    ['AvgPool2d', { kernel_size: 4, padding: 1 }, 32, 'averages windows of 4 x 4'],
    ['AvgPool2d', { kernel_size: 4, divisor_override: 1 }, 32, 'averages windows of 4 x 4'],
    ['AdaptiveAvgPool2d', { output_size: [2, 2] }, 32, 'makes 2 x 2 of maps of 4 x 4'],
  ])('is refused where it is another: %s with %j of images of %i', (className, attributes, size, message) => {
    const read = () => pool(className, attributes, size);
    expect(read).toThrow(`its module "avgpool" (torch.nn.modules.pooling.${className}) ${message}`);
    expect(read).toThrow(EXPORT);
  });

  it('is refused where a TorchScript program calls another, or one in a block', () => {
    const calls = (path: string, attributes: Parameters<typeof info>[2]) =>
      read(preActState(), {}, [info(path, 'nets.Net', { torchscript_calls: 'relu avg_pool2d', ...attributes })]);
    expect(() => calls('', { kernel_size: [3, 3] })).toThrow('(nets.Net) averages windows of 3 x 3 of maps of 4 x 4');
    expect(() => calls('', { kernel_size: [4, 4], stride: [], padding: [0, 0] })).not.toThrow();
    expect(() => calls('layer2.0', { kernel_size: [2, 2] })).toThrow('where the architecture has no mean');
  });
});
