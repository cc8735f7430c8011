import { describe, expect, it } from 'vitest';
import { GraphError } from '../../../../src/errors.ts';
import { float32, int64, type Tensor } from '../../../../src/numeric/tensor.ts';
import { GraphBuilder } from '../../../../src/onnx/builder.ts';
import { type Dim, isBatch, type Model } from '../../../../src/onnx/graph.ts';
import { canonicalise } from '../../../../src/onnx/passes/canonicalise.ts';
import { withDynamicBatch } from '../../../../src/onnx/passes/dynamic-batch.ts';
import { modelOf, node } from '../support/models.ts';
import { maxDifference, randomTensor, runOrt } from '../support/run.ts';

/** Images a batch is checked with: none of the sizes the graphs are frozen at. */
const IMAGES = 5;

type Build = (graph: GraphBuilder, x: string, size: number) => string;

/** A model of one output, frozen at a batch size. */
function frozenModel(size: number, dims: readonly number[], build: Build): Model {
  const graph = new GraphBuilder();
  return graph.build([build(graph, graph.input('x', [size, ...dims]), size)]);
}

/** Logits of the frozen model, each image in a batch of copies of itself. */
async function imageByImage(model: Model, size: number, images: Tensor): Promise<Tensor> {
  const pixels = images.data.length / IMAGES;
  const logits: number[] = [];
  let classes = 0;
  for (let image = 0; image < IMAGES; image++) {
    const one = Array.from(images.data as Float32Array).slice(image * pixels, (image + 1) * pixels);
    const copies = float32([size, ...images.dims.slice(1)], Array.from({ length: size }, () => one).flat());
    const [output] = Object.values(await runOrt(model, { x: copies }));
    classes = output!.data.length / size;
    logits.push(...Array.from(output!.data as Float32Array).slice(0, classes));
  }
  return float32([IMAGES, classes], logits);
}

/** Makes the batch dynamic, and expects of five images at once what the frozen model gives for each. */
async function checkDynamic(dims: readonly number[], build: Build, sizes: readonly number[] = [1, 3]): Promise<void> {
  for (const size of sizes) {
    const model = frozenModel(size, dims, build);
    const dynamic = { ...model, graph: withDynamicBatch(model.graph) };
    expect(dynamic.graph.inputs[0]!.dims![0]).toEqual({ batch: 1 });
    expect(isBatch(dynamic.graph.outputs[0]!.dims![0]!)).toBe(true);
    const images = randomTensor([IMAGES, ...dims], 11);
    const [logits] = Object.values(await runOrt(dynamic, { x: images }));
    const flat = float32([IMAGES, logits!.data.length / IMAGES], logits!.data as Float32Array);
    expect(maxDifference(flat, await imageByImage(model, size, images)), `frozen at ${size}`).toBeLessThan(1e-5);
  }
}

function weight(graph: GraphBuilder, ...dims: number[]): string {
  return graph.initializer(graph.fresh('w'), randomTensor(dims, dims.length + dims[0]!));
}

describe('withDynamicBatch', () => {
  /** A query of the whole image for each of its windows, as GCViT writes it. */
  const queriesOfWindows: Build = (graph, x, size) => {
    const query = graph.op('ReduceMean', [x, graph.ints([1])]);
    const repeated = graph.op('Tile', [query, graph.ints([4, 1, 1])]);
    const windows = graph.reshape(x, [4 * size, 1, 3]);
    return graph.reshape(graph.op('Mul', [windows, repeated]), [size, 12]);
  };

  it('an image repeated for its windows', () => checkDynamic([4, 3], queriesOfWindows, [1]));

  it('refuses several images repeated for windows: a window would get the query of another image', () => {
    const { graph } = frozenModel(3, [4, 3], queriesOfWindows);
    expect(() => withDynamicBatch(graph)).toThrow('Tile');
  });

  it('a flatten written as [B, -1], [-1, D], [B, D], and Flatten', () =>
    checkDynamic([3, 4, 4], (graph, x, size) => {
      const shapes = [
        [size, -1],
        [-1, 48],
        [size, 48],
      ];
      const flat = shapes.map((shape) => graph.op('Reshape', [x, graph.ints(shape)]));
      return graph.op('MatMul', [graph.op('Sum', [...flat, graph.op('Flatten', [x])]), weight(graph, 48, 10)]);
    }));

  it('the channel shuffle of ShuffleNet', () =>
    checkDynamic([6, 2, 2], (graph, x, size) => {
      const grouped = graph.op('Reshape', [x, graph.ints([size, 2, 3, 2, 2])]);
      const shuffled = graph.op('Transpose', [grouped], { perm: [0, 2, 1, 3, 4] });
      return graph.op('Flatten', [graph.op('Reshape', [shuffled, graph.ints([size, 6, 2, 2])])]);
    }));

  it('the attention of torch, where heads join the batch: [S, B, D] to [S, B h, d] and [S B, D]', () =>
    checkDynamic([5, 8], (graph, x, size) => {
      const sequence = graph.op('Transpose', [x], { perm: [1, 0, 2] });
      const heads = graph.op('Reshape', [sequence, graph.ints([5, size * 2, 4])]);
      const queries = graph.op('Transpose', [heads], { perm: [1, 0, 2] });
      const scores = graph.op('MatMul', [queries, graph.op('Transpose', [heads], { perm: [1, 2, 0] })]);
      const mixed = graph.op('MatMul', [graph.op('Softmax', [scores]), queries]);
      const rows = graph.op('Reshape', [
        graph.op('Transpose', [mixed], { perm: [1, 0, 2] }),
        graph.ints([5 * size, 8]),
      ]);
      const projected = graph.op('Gemm', [rows, weight(graph, 8, 8)]);
      const back = graph.op('Transpose', [graph.op('Reshape', [projected, graph.ints([5, size, 8])])], {
        perm: [1, 0, 2],
      });
      return graph.op('Flatten', [graph.op('Add', [x, back])]);
    }));

  it('windows that join the batch, as in Swin', () =>
    checkDynamic([4, 4, 3], (graph, x, size) => {
      const cut = graph.op('Reshape', [x, graph.ints([size, 2, 2, 2, 2, 3])]);
      const windows = graph.op('Reshape', [
        graph.op('Transpose', [cut], { perm: [0, 1, 3, 2, 4, 5] }),
        graph.ints([size * 4, 4, 3]),
      ]);
      const mixed = graph.op('MatMul', [graph.op('Softmax', [windows], { axis: 1 }), weight(graph, 3, 3)]);
      const joined = graph.op('Transpose', [graph.op('Reshape', [mixed, graph.ints([size, 2, 2, 2, 2, 3])])], {
        perm: [0, 1, 3, 2, 4, 5],
      });
      return graph.op('Flatten', [graph.op('Reshape', [joined, graph.ints([size, 4, 4, 3])])]);
    }));

  it('constants with a row per image: added, expanded to, and joined', () =>
    checkDynamic([4, 6], (graph, x, size) => {
      const row = randomTensor([1, 1, 6], 3);
      const rows = float32([size, 1, 6], Array.from({ length: size }, () => [...row.data]).flat());
      const token = graph.initializer('token', rows);
      const positions = graph.op('Expand', [graph.op('ReduceMean', [x, graph.ints([1])]), graph.ints([size, 5, 6])]);
      const joined = graph.op('Concat', [token, x], { axis: 1 });
      return graph.op('Flatten', [graph.op('Add', [graph.op('Mul', [joined, token]), positions])]);
    }));

  it('a sum along an axis that is not the batch', () =>
    checkDynamic([4, 3], (graph, x) =>
      graph.reshape(graph.op('CumSum', [x, graph.initializer('along', int64([], [-1]))]), [-1, 12]),
    ));

  it('a Resize to sizes that name the batch', () =>
    checkDynamic([2, 4, 6], (graph, x, size) => {
      const sizes = graph.ints([size, 2, 7, 9]);
      const larger = graph.op('Resize', [x, '', '', sizes], { mode: 'linear' });
      return graph.op('ReduceMax', [larger, graph.ints([2, 3])], { keepdims: 0 });
    }));

  it('leaves weights alone that happen to have the frozen size', () =>
    checkDynamic([3], (graph, x) => {
      const product = graph.op('Add', [graph.op('MatMul', [x, weight(graph, 3, 3)]), weight(graph, 3)]);
      return graph.op('Gemm', [product, weight(graph, 3, 3), weight(graph, 3)]);
    }));

  it('leaves a dynamic graph as it is', () => {
    const graph = new GraphBuilder();
    const { graph: dynamic } = graph.build([graph.op('Relu', [graph.input('x', [{ batch: 1 }, 3])])]);
    expect(withDynamicBatch(dynamic)).toBe(dynamic);
  });

  const refusals: [string, number, readonly number[], Build, string][] = [
    [
      'a mean over the batch',
      1,
      [4],
      (graph, x) => graph.op('Sub', [x, graph.op('ReduceMean', [x, graph.ints([0])], {}, { name: 'mean' })]),
      'ReduceMean "mean": it loses the batch: its output has shape [1, 4]',
    ],
    [
      'a softmax over the batch',
      4,
      [4],
      (graph, x) => graph.op('Softmax', [x], { axis: 0 }, { name: 'over' }),
      'Softmax "over": it mixes the images of a batch',
    ],
    [
      'a sum along the batch',
      4,
      [4],
      (graph, x) => graph.op('CumSum', [x, graph.initializer('along', int64([], [0]))], {}, { name: 'sum' }),
      'CumSum "sum": it mixes the images of a batch',
    ],
    [
      'the first image alone',
      2,
      [4],
      (graph, x) => graph.op('Gather', [x, graph.ints(0)], { axis: 0 }, { name: 'first' }),
      'Gather "first": it loses the batch: its output has shape [4]',
    ],
    [
      'the batch squeezed away',
      1,
      [4],
      (graph, x) => graph.op('Squeeze', [x, graph.ints([0])], {}, { name: 'squeeze' }),
      'Squeeze "squeeze": axis 0 of input [N, 4] is not 1',
    ],
    [
      'a weight per image',
      2,
      [4],
      (graph, x) => graph.op('Mul', [x, graph.initializer('w', randomTensor([2, 4], 1))], {}, { name: 'scale' }),
      'Mul "scale": "w" is not the same for every image of the batch of 2',
    ],
    [
      'similarities between images',
      2,
      [4],
      (graph, x) => graph.op('MatMul', [x, graph.op('Transpose', [x])], {}, { name: 'gram' }),
      'MatMul "gram": its output [N, N] contains the batch twice',
    ],
    [
      'images joined end to end',
      2,
      [4],
      (graph, x) => graph.op('Concat', [x, x], { axis: 0 }, { name: 'join' }),
      'Concat "join": it joins or splits the images of a batch',
    ],
  ];
  it.each(refusals)('refuses %s', (_, size, dims, build, message) => {
    const wayOut =
      'export it for any (dynamo: dynamic_shapes=({0: "batch"},); else dynamic_axes={"input": {0: "batch"}})';
    expect(() => withDynamicBatch(frozenModel(size, dims, build).graph)).toThrow(
      new GraphError(`${message}; it was exported for a batch of ${size} alone: ${wayOut}`),
    );
  });

  it('names the node that loses the batch of a dynamic graph', () => {
    const dims: Dim[] = [{ batch: 1 }, 4];
    const lost = modelOf({
      inputs: { x: dims },
      nodes: [node('Relu', ['x'], 'h'), node('ReduceMax', ['h'], 'm'), node('Neg', ['m'], 'y')],
    });
    expect(() => canonicalise(lost)).toThrow(
      new GraphError('output "y" has shape [1, 1], which does not begin with the batch; ReduceMax "m" loses it'),
    );
  });
});
