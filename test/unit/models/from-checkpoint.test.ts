import { describe, expect, it } from 'vitest';
import type { ModuleInfo } from '../../../src/checkpoints/module-info.ts';
import type { ClassifierOptions } from '../../../src/models/classifier.ts';
import { classifierFromCheckpoint } from '../../../src/models/from-checkpoint.ts';
import { float32 } from '../../../src/numeric/tensor.ts';
import { describeReading } from '../../../src/schemas/reading.ts';
import { buffers, bytes, info, MEAN, preActState, read, renamed, STD } from './support.ts';

describe('every tensor of a file', () => {
  it('is used, or the file is refused by the names of the others and with the way out', () => {
    const state = preActState().set('layer1.0.se.fc.weight', float32([2, 2], [1, 2, 3, 4]));
    expect(() => read(state)).toThrow(
      /^net\.pt: has weights that PreActResNet-10, width 2 as igd knows it does not use: "layer1\.0\.se\.fc\.weight" \[2, 2\]\..*torch\.onnx\.export/,
    );
  });

  it('may be a copy of one that is used, which is said', () => {
    const state = preActState();
    for (const [name, tensor] of preActState()) state.set(`attacker.model.${name}`, tensor);
    const { notes } = read(state);
    expect(notes).toEqual([
      expect.stringContaining('left out copies of weights that are used: "attacker.model.conv1.weight"'),
    ]);
    expect(bytes(read(state))).toBe(bytes(read(preActState())));
    state.set('attacker.model.conv1.weight', float32([2, 3, 3, 3], new Float32Array(54)));
    expect(() => read(state)).toThrow('"attacker.model.conv1.weight"');
  });

  it("may be the first convolution once more, under the name that GradAlign's code gives it, and only that", () => {
    const again = 'model_preact_hl1.1.weight';
    const state = preActState();
    expect(bytes(read(state.set(again, state.get('conv1.weight')!)))).toBe(bytes(read(preActState())));
    expect(() => read(state.set(again, float32([2, 3, 3, 3], new Float32Array(54))))).toThrow(`"${again}"`);
  });

  it('is no copy where only it equals another: it may not have moved since it was initialised', () => {
    const state = preActState();
    state.set('layer1.0.bn3.weight', state.get('layer1.0.bn2.weight')!);
    expect(() => read(state)).toThrow('"layer1.0.bn3.weight" [2]');
  });

  it('outside the network may be said to be no part of it', () => {
    const state = new Map([...renamed(preActState(), 'model.'), ['criterion.weight', float32([2], [1, 2])] as const]);
    expect(() => read(state)).toThrow(
      /"criterion\.weight" \[2\]\. If they are no part of it, say so: stateDict .*"model"/,
    );
  });

  it('may be scores by which weights have been pruned, and must not be scores that still prune', () => {
    const state = preActState();
    const { dims } = state.get('layer1.0.conv1.weight')!;
    const data = Float32Array.from({ length: 36 }, (_, i) => Math.sin(i) + 1.5);
    const scores = data.map((_, i) => (i % 3 === 0 ? 0.1 : -2));
    state.set('layer1.0.conv1.scores', float32(dims, scores));
    expect(() => read(state)).toThrow('"layer1.0.conv1.scores"');
    state.set(
      'layer1.0.conv1.weight',
      float32(
        dims,
        data.map((weight, i) => (i % 3 === 0 ? 0 : weight)),
      ),
    );
    expect(() => read(state)).not.toThrow();
    state.set(
      'layer1.0.conv1.weight',
      float32(
        dims,
        data.map((weight, i) => (i % 3 === 1 ? 0 : weight)),
      ),
    );
    expect(() => read(state)).toThrow('"layer1.0.conv1.scores"');
  });

  it('has no negative variance', () => {
    const state = preActState().set('layer1.0.bn1.running_var', float32([2], [1, -1]));
    expect(() => read(state)).toThrow('weight "layer1.0.bn1.running_var" is -1 at [1]: no variance is negative');
  });

  it('has the kernel that the architecture has there', () => {
    const state = preActState().set('conv1.weight', float32([2, 3, 5, 5], new Float32Array(150)));
    expect(() => read(state)).toThrow('net.pt: weight "conv1.weight" is [2, 3, 5, 5], expected [*, 3, 3, 3]');
  });

  it('fits its own images where it does not fit the channels of the data', () => {
    expect(() => read(preActState(), { imageShape: [1, 32, 32] })).toThrow(
      'net.pt: wants images [N, 3, H, W], and is given [N, 1, H, W]: a model of colour images reads grey ones three times',
    );
    const grey = preActState().set('conv1.weight', float32([2, 1, 3, 3], new Float32Array(18)));
    expect(read(grey, { imageShape: [1, 32, 32] }).imageShape).toEqual([1, 32, 32]);
    expect(read(grey).imageShape).toEqual([1, 32, 32]);
    expect(() => read(grey, { imageShape: [3, 32, 32] })).toThrow(
      'wants images [N, 1, H, W], and is given [N, 3, H, W]',
    );
    const four = preActState().set('conv1.weight', float32([2, 4, 3, 3], new Float32Array(72)));
    expect(() => read(four)).toThrow('"conv1.weight" is [2, 4, 3, 3], expected [*, 3, 3, 3]');
  });

  it('fits its neighbours, or the file is named and not a node of a graph alone', () => {
    const state = preActState();
    state.delete('layer2.0.shortcut.0.weight');
    expect(() => read(state)).toThrow(/^net\.pt: does not fit preact-resnet: block "layer2\.0"/);
  });
});

describe('names', () => {
  it.each(['encoder.', '0.', 'student.', 'basic_net.', 'a.b.c.'])('may all begin with "%s"', (prefix) => {
    expect(bytes(read(renamed(preActState(), prefix)))).toBe(bytes(read(preActState())));
  });

  it('may begin alike but for a normalisation that stands outside', () => {
    const state = new Map([...renamed(preActState(), '1.'), ...buffers('0.mean', '0.std', [1, 3, 1, 1])]);
    expect(bytes(read(state))).toBe(bytes(read(preActState(), { normalize: { mean: MEAN, std: STD } })));
  });

  it('of two networks side by side choose neither', () => {
    const state = new Map([...renamed(preActState(), 'student.'), ...renamed(preActState(), 'teacher.')]);
    expect(() => read(state)).toThrow(
      'net.pt: holds 2 networks side by side, under "student", "teacher": say which to read (stateDict, --state-dict)',
    );
  });
});

describe('normalisation', () => {
  it.each([
    ['mu', 'sigma', [1, 3, 1, 1]],
    ['normalize.mean', 'normalize.std', [3]],
    ['normalizer.new_mean', 'normalizer.new_std', [3, 1, 1]],
  ])('is that of the buffers %s and %s', (mean, std, dims) => {
    const classifier = read(new Map([...preActState(), ...buffers(mean, std, dims)]));
    expect(bytes(classifier)).toBe(bytes(read(preActState(), { normalize: { mean: MEAN, std: STD } })));
    expect(describeReading(classifier.reading)[0]).toBe(
      'read from the file: normalization mean [0.25, 0.5, 0.75], std [0.5, 0.25, 0.125]',
    );
  });

  it('is asked for where the file may hold it beside the weights', () => {
    const read = (options?: ClassifierOptions) =>
      classifierFromCheckpoint(
        { path: 'net.pt', format: 'torch-zip', sha256: '', state: preActState(), notes: [], aside: ['mean', 'std'] },
        options,
      );
    expect(() => read()).toThrow('net.pt: holds mean, std beside its weights: say whether images are normalised');
    expect(() => read({ model: { normalization: 'none' } })).not.toThrow();
    expect(() => read({ normalize: { mean: MEAN, std: STD } })).not.toThrow();
  });

  it('is refused where it is for other images than those in [0, 1]', () => {
    const state = (mean: number[], std: number[]) =>
      new Map([...preActState(), ['mean', float32([3], mean)], ['std', float32([3], std)]] as const);
    expect(() => read(state([123.7, 116.3, 103.5], [58.4, 57.1, 57.4]))).toThrow(
      /holds mean \[123\.7, .* \(mean, std\), which images in \[0, 1\] have not: .*torch\.onnx\.export/,
    );
    expect(() => read(state(MEAN, [0.5, 0, 0.5]))).toThrow('which images in [0, 1] have not');
  });

  it.each(['generator', 'layer1.0'])('is not that of another network or of a layer: %s', (module) => {
    const state = new Map([...preActState(), ...buffers(`${module}.mean`, `${module}.std`, [3])]);
    state.set(`${module}.conv.weight`, float32([1], [1]));
    expect(() => read(state)).toThrow(`"${module}.mean" [3], "${module}.std" [3]`);
  });

  it.each([
    ['D.', 'G'],
    ['student.', 'teacher'],
    ['model.', 'ema'],
    ['', 'discriminator'],
    ['module.model.', 'module.teacher.normalize'],
    ['models.0.', 'models.0.G'],
  ])('is asked for where it may be that of another than "%s": %s', (prefix, other) => {
    const names = [`${other}.mean`, `${other}.std`] as const;
    const state = new Map([...renamed(preActState(), prefix), ...buffers(...names, [3])]);
    expect(() => read(state)).toThrow(`net.pt: holds ${names.join(', ')} beside its weights: say whether`);
    expect(bytes(read(state, { model: { normalization: 'none' } }))).toBe(bytes(read(preActState())));
    const normalize = { mean: MEAN, std: STD };
    expect(bytes(read(state, { normalize }))).toBe(bytes(read(preActState(), { normalize })));
    const modules = [info(other, 'nets.Normalize', normalize), info('', 'nets.Net')];
    if (prefix === '') expect(() => read(preActState(), {}, modules)).toThrow(`holds ${names.join(', ')} beside`);
  });

  it.each([
    ['D.', 'D'],
    ['D.', 'D.normalize'],
    ['D.', 'preprocessing'],
    ['module.model.', 'module.normalizer'],
    ['1.', '0'],
    ['', 'transform.0'],
  ])('is that of a module that prepares the images of "%s": %s', (prefix, module) => {
    const state = new Map([...renamed(preActState(), prefix), ...buffers(`${module}.mean`, `${module}.std`, [3])]);
    expect(bytes(read(state))).toBe(bytes(read(preActState(), { normalize: { mean: MEAN, std: STD } })));
  });

  it('is refused beside that of another, buffers or a module', () => {
    const state = new Map([...renamed(preActState(), 'D.'), ...buffers('norm.mean', 'norm.std', [3])]);
    const other = info('D.layer1.aug', 'nets.Normalize', { mean: MEAN, std: STD });
    expect(() => read(state, {}, [info('D', 'nets.Net'), other])).toThrow('holds two normalisations, norm.mean');
    for (const [name, tensor] of buffers('G.mean', 'G.std', [3])) state.set(name, tensor);
    expect(() => read(state)).toThrow(/"G\.mean" \[3\], "G\.std" \[3\]\. If they are no part of it, say so: stateDict/);
  });

  it('is refused where two may act one behind the other', () => {
    const state = new Map([...renamed(preActState(), 'model.net.'), ...buffers('norm.mean', 'norm.std', [3])]);
    for (const [name, tensor] of buffers('model.norm.mean', 'model.norm.std', [3])) state.set(name, tensor);
    expect(() => read(state)).toThrow(
      'holds two normalisations, norm.mean, norm.std and model.norm.mean, model.norm.std: igd cannot tell which act',
    );
  });

  it('is refused where the user says another than the file', () => {
    const state = new Map([...preActState(), ...buffers('mu', 'sigma', [3])]);
    const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
    expect(() => read(state, { normalize: imagenet })).toThrow(
      /^net\.pt: is said to want .* but holds .* itself \(mu, sigma\)/,
    );
    expect(() => read(state, { model: { normalization: 'imagenet' } })).toThrow('is said to want imagenet');
    expect(() => read(state, { normalize: { mean: MEAN, std: STD } })).not.toThrow();
  });

  it('by name is the constants of that name', () => {
    const half = [0.5, 0.5, 0.5];
    expect(bytes(read(preActState(), { model: { normalization: 'symmetric' } }))).toBe(
      bytes(read(preActState(), { normalize: { mean: half, std: half } })),
    );
  });
});

describe('what weights do not tell', () => {
  it('is the kind of a head without a bias', () => {
    const state = preActState();
    state.delete('linear.bias');
    expect(describeReading(read(state).reading)[0]).toContain('head linear');
    const cosine = read(state, { model: { head: 'cosine', scale: 10 } });
    expect(cosine.model.graph.nodes.some(({ op }) => op === 'ReduceL2')).toBe(true);
  });

  it('is said to be assumed', () => {
    expect(describeReading(read(preActState()).reading)).toEqual([
      expect.stringMatching(/^assumed, not read from the file: images in \[0, 1\], not normalised;.*activation relu/),
    ]);
  });

  it('is what the user states, and changes the function', () => {
    const classifier = read(preActState(), { model: { activation: 'leaky-relu', slope: 0.1 } });
    expect(describeReading(classifier.reading)[0]).toBe('as stated: activation leaky-relu; slope 0.1');
    expect(classifier.model.graph.nodes.some(({ op }) => op === 'LeakyRelu')).toBe(true);
    expect(classifier.model.graph.nodes.some(({ op }) => op === 'Relu')).toBe(false);
  });

  it('is refused where it changes nothing', () => {
    expect(() => read(preActState(), { model: { slope: 0.1 } })).toThrow(
      /^model: PreActResNet-10, width 2 has no choice of slope: leave it out/,
    );
    expect(() => read(preActState(), { model: { architecture: 'lenet' } })).toThrow(
      'model.architecture: "lenet" is none of',
    );
  });
});

describe('a network pickled whole', () => {
  const reading = (...modules: ModuleInfo[]) => describeReading(read(preActState(), {}, modules).reading)[0];

  it('names its activation and epsilon', () => {
    expect(
      reading(
        info('layer1.0.act', 'torch.nn.modules.activation.LeakyReLU', { negative_slope: 0.2 }),
        info('layer1.0.bn1', 'torch.nn.modules.batchnorm.BatchNorm2d', { eps: 0.001 }),
      ),
    ).toBe('read from the file: epsilon 0.001; activation leaky-relu; slope 0.2');
  });

  it.each([
    [[info('a', 'torch.nn.ReLU'), info('b', 'torch.nn.SiLU')], 'igd cannot tell which acts where'],
    [[info('a', 'torch.nn.GELU', { approximate: 'tanh' })], 'has a GELU with approximate tanh at "a"'],
    [[info('a', 'torch.nn.Sigmoid')], 'has a module torch.nn.Sigmoid at "a"'],
    [[info('a', 'my.nets.Squash')], 'has a module my.nets.Squash at "a" without weights'],
    [
      [info('conv1', 'torch.nn.Conv2d', { stride: [2, 2] })],
      'its module "conv1" has stride 2 x 2, where the architecture has 1',
    ],
    [[info('conv1', 'torch.nn.Conv2d', { padding_mode: 'reflect' })], 'its module "conv1" pads by reflect'],
    [
      [
        info('layer1.0.bn1', 'torch.nn.BatchNorm2d', { eps: 0.1 }),
        info('layer1.0.bn2', 'torch.nn.BatchNorm2d', { eps: 0.2 }),
      ],
      'has BatchNorms of epsilon 0.1 and 0.2',
    ],
  ])('is refused where it contradicts the architecture: %#', (modules, message) => {
    expect(() => read(preActState(), {}, modules)).toThrow(message);
  });

  it('is not what the user says against it', () => {
    const modules = [info('layer1.0.act', 'torch.nn.SiLU')];
    expect(() => read(preActState(), { model: { activation: 'relu' } }, modules)).toThrow(
      'is said to have activation relu, but its own classes have silu',
    );
  });
});
