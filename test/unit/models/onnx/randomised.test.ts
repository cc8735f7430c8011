import { describe, expect, it } from 'vitest';
import { baseModel } from '../../../../src/defense/defended-model.ts';
import { OnnxModel } from '../../../../src/evaluation/onnx-model.ts';
import { proveModel } from '../../../../src/evaluation/proof/prove-model.ts';
import { classifierFromOnnx } from '../../../../src/models/from-onnx.ts';
import { keyedStream, type RandomSource } from '../../../../src/numeric/random.ts';
import { float32, type Tensor } from '../../../../src/numeric/tensor.ts';
import { float } from '../../../../src/onnx/builder.ts';
import type { Dim, Model, Node } from '../../../../src/onnx/graph.ts';
import { randomInputs } from '../../../../src/onnx/random-inputs.ts';
import { randomScores, unitScores } from '../../../../src/ranking/methods.ts';
import { onnxRuntime } from '../../../../src/runtime/session.ts';
import { modelOf, node } from '../../onnx/support/models.ts';
import { randomTensor } from '../../onnx/support/run.ts';

const N: Dim = { batch: 1 };
const IMAGE = [2, 4, 4] as const;
const SIZE = 32;
const COUNT = 3;
const runtime = onnxRuntime({ threads: 1 });
const x = Float32Array.from({ length: COUNT * SIZE }, (_, i) => ((i * 37) % 101) / 101);
const labels = Int32Array.from([0, 2, 1]);

const truth = (value: boolean): Tensor => ({ type: 'bool', dims: [], data: Uint8Array.from([Number(value)]) });

/** conv -> relu -> fully connected, behind nodes that make "v" of the images "x". */
function network(front: readonly Node[], batch: Dim = N): Model {
  return modelOf({
    inputs: { x: [batch, ...IMAGE] },
    initializers: {
      kernel: randomTensor([4, 2, 3, 3], 1),
      weight: randomTensor([64, 3], 2),
      half: float32([], [0.5]),
      quarter: float32([], [0.25]),
      tenth: float32([], [0.1]),
      none: float32([], [0]),
      yes: truth(true),
    },
    opset: 17,
    nodes: [
      ...front,
      node('Conv', ['v', 'kernel'], 'c', { pads: [1, 1, 1, 1] }),
      node('Relu', ['c'], 'r'),
      node('Flatten', ['r'], 'f'),
      node('MatMul', ['f', 'weight'], 'z'),
    ],
    outputs: ['z'],
  });
}

/** Each form that draws, and "v" of an image's value and its standard draw as arithmetic in double precision. */
interface Form {
  readonly front: readonly Node[];
  readonly draw: (stream: RandomSource) => number;
  readonly value: (x: number, draw: number) => number;
  readonly slope: (x: number, draw: number) => number;
}

const normal = (stream: RandomSource) => stream.normal();
const uniform = (stream: RandomSource) => stream.uniform();
const add = (noise: Node): Node[] => [noise, node('Add', ['x', 'n'], 'v')];

const FORMS: Readonly<Record<string, Form>> = {
  RandomNormalLike: {
    front: add(node('RandomNormalLike', ['x'], 'n', { scale: float(0.125), mean: float(0.25) })),
    draw: normal,
    value: (x, draw) => x + 0.25 + 0.125 * draw,
    slope: () => 1,
  },
  RandomNormal: {
    front: add(node('RandomNormal', [], 'n', { shape: [1, ...IMAGE] })),
    draw: normal,
    value: (x, draw) => x + draw,
    slope: () => 1,
  },
  RandomUniformLike: {
    front: add(node('RandomUniformLike', ['x'], 'n', { low: float(-0.5), high: float(0.25) })),
    draw: uniform,
    value: (x, draw) => x - 0.5 + 0.75 * draw,
    slope: () => 1,
  },
  RandomUniform: {
    front: add(node('RandomUniform', [], 'n', { shape: [1, ...IMAGE] })),
    draw: uniform,
    value: (x, draw) => x + draw,
    slope: () => 1,
  },
  // torch.bernoulli has no gradient in its probabilities.
  'Bernoulli of the image': {
    front: [node('Bernoulli', ['x'], 'n'), node('Mul', ['x', 'n'], 'v')],
    draw: uniform,
    value: (x, draw) => (draw < x ? x : 0),
    slope: (x, draw) => (draw < x ? 1 : 0),
  },
  'Dropout in training mode': {
    front: [node('Dropout', ['x', 'quarter', 'yes'], 'v')],
    draw: uniform,
    value: (x, draw) => (draw >= 0.25 ? x / 0.75 : 0),
    slope: (_, draw) => (draw >= 0.25 ? 1 / 0.75 : 0),
  },
};

const streams = () => [...labels.keys()].map((row) => keyedStream(['test', row]));
const open = (model: Model) => classifierFromOnnx(model, 'net.onnx', {});
const modelFor = (model: Model) => {
  const classifier = open(model);
  return new OnnxModel(baseModel(classifier), classifier.imageShape, classifier.classes, runtime);
};

/** Logits and the gradient of cross-entropy of the same network without draws. */
async function plain(v: Float32Array) {
  const model = modelFor(network([node('Identity', ['x'], 'v')]));
  const { logits, gradient } = await model.gradient('ce', { x: v, labels }, streams());
  await model.release();
  return { logits, gradient };
}

describe('a graph that draws random numbers', () => {
  it.each(Object.entries(FORMS))(
    '%s computes, and is differentiated, as with its draws written out',
    async (_, form) => {
      const model = modelFor(network(form.front));
      expect(model.randomised).toBe(true);
      const batch = await model.gradient('ce', { x, labels }, streams());
      const draws = Float64Array.from(
        streams().flatMap((stream) => Array.from({ length: SIZE }, () => form.draw(stream))),
      );
      const right = await plain(Float32Array.from(x, (value, i) => form.value(value, draws[i]!)));
      for (const [i, logit] of right.logits.entries()) expect(batch.logits[i]).toBeCloseTo(logit, 4);
      for (const [i, slope] of right.gradient.entries())
        expect(batch.gradient[i]).toBeCloseTo(slope * form.slope(x[i]!, draws[i]!), 4);
      // An image has the same draws on its own.
      for (const [row, stream] of streams().entries()) {
        const alone = await model.logits(x.slice(row * SIZE, (row + 1) * SIZE), [stream]);
        for (const [i, logit] of alone.entries()) expect(logit).toBeCloseTo(batch.logits[3 * row + i]!, 5);
      }
      await model.release();
    },
  );

  it('is proven like any other, and of a frozen batch opened for any', async () => {
    const front = [
      ...add(node('RandomNormalLike', ['x'], 'n', { scale: float(0.1) })).slice(0, 1),
      node('Add', ['x', 'n'], 'v'),
    ];
    for (const batch of [N, 1, 4]) {
      const model = modelFor(network(front, batch));
      await expect(proveModel(model, { name: 'net', gradients: true, evaluations: 0 })).resolves.toMatchObject({
        notes: [],
      });
      await model.release();
    }
  });

  it('draws of two nodes are two draws, the mask of a Dropout is the one it dropped by', async () => {
    const twice = open(
      network([
        { ...node('Dropout', ['x', 'half', 'yes'], 'a'), outputs: ['a', 'mask'] },
        node('Cast', ['mask'], 'm', { to: 1 }),
        node('Mul', ['a', 'm'], 'b'),
        node('Dropout', ['b', 'half', 'yes'], 'v'),
      ]),
    );
    expect(randomInputs(twice.model.graph)).toMatchObject([
      { distribution: 'uniform', dims: IMAGE },
      { distribution: 'uniform', dims: IMAGE },
    ]);
    expect(twice.notes.join()).toContain('it draws random numbers (Dropout)');
  });

  it('says that seeds of its nodes are not used, and where onnxruntime would give two of them the same numbers', () => {
    const noise = (name: string, seed: number) => node('RandomNormalLike', ['x'], name, { seed: float(seed) });
    const notes = (seeds: readonly [number, number]) => {
      const [a, b] = [noise('a', seeds[0]), noise('b', seeds[1])];
      return open(network([a, b, node('Sub', ['a', 'b'], 'd'), node('Add', ['x', 'd'], 'v')])).notes.join();
    };
    expect(notes([1, 2])).toMatch(/the seeds of its nodes are not used: .* the image and the node$/);
    expect(notes([3, 3])).toMatch(
      /are not used: .*; onnxruntime gives nodes of one op and seed the same numbers, here each has its own$/,
    );
  });

  it('is none where a Dropout in training mode drops nothing', () => {
    const still = open(network([node('Dropout', ['x', 'none', 'yes'], 'v')]));
    expect(randomInputs(still.model.graph)).toEqual([]);
  });

  it('is not masked, not ranked, and says so', async () => {
    const classifier = open(network(FORMS.RandomNormalLike!.front));
    const layer = classifier.layers[0]!;
    const task = {
      classifier,
      layer,
      probe: undefined,
      signed: false,
      seed: 0,
      clip: undefined,
      batchSize: 4,
      runtime,
    };
    await expect(unitScores('random', { ...task, progress: () => {} })).rejects.toThrow(
      'net.onnx draws random numbers, and its units cannot be ranked: evaluate it as it is, variants ["none"] with suite "rand"',
    );
    expect(randomScores(2, 2, 'layer', 0).data).toHaveLength(4);
  });

  it.each<[string, readonly Node[], string]>([
    [
      'a draw for the whole batch',
      add(node('RandomNormal', [], 'n', { shape: [2, 4, 4] })),
      'RandomNormal "n": it draws [2, 4, 4], which is not a value of its own for each image: draw it in the shape of a batch',
    ],
    ['a ratio of 1', [node('Dropout', ['x', 'one', 'yes'], 'v')], 'its ratio is 1, and has to be in [0, 1)'],
    [
      'a ratio that the images say',
      [node('ReduceMax', ['x'], 'most', { keepdims: 0 }), node('Dropout', ['x', 'most', 'yes'], 'v')],
      'its ratio is computed',
    ],
    ['a class that is drawn', [node('Multinomial', ['x'], 'v')], 'it draws a class'],
  ])('refuses %s', (_, front, message) => {
    const model = network(front);
    const { graph } = model;
    const initializers = new Map([...graph.initializers, ['one', float32([], [1])]]);
    expect(() => open({ ...model, graph: { ...graph, initializers } })).toThrow(message);
  });
});
