import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { datasetOf } from '../../../../src/datasets/dataset.ts';
import { type Classifier, layerOf } from '../../../../src/models/classifier.ts';
import { moduleOutput, offeredLayers } from '../../../../src/models/onnx/layers.ts';
import { decodeNpy } from '../../../../src/numeric/npy.ts';
import { float32, toNumbers } from '../../../../src/numeric/tensor.ts';
import { GraphBuilder } from '../../../../src/onnx/builder.ts';
import { loirScores } from '../../../../src/ranking/loir.ts';
import { openClassifier } from '../../../../src/runs/inputs/open-classifier.ts';
import { onnxRuntime } from '../../../../src/runtime/session.ts';
import { golden } from '../../../support/golden.ts';

const FIXTURES = join(import.meta.dirname, '../../../fixtures/onnx-forms');
const file = (name: string) => join(FIXTURES, name);
const runtime = onnxRuntime({ threads: 1 });

/** The layers of the network in make_forms.py, as anybody would name them, and the axis of [N, ...] their units are. */
const LAYERS = [
  ['stem', 'block', 8, 1],
  ['se', 'block', 8, 1],
  ['stages.0.norm', 'normalisation', 8, 3],
  ['stages.0.mlp.act', 'activation', 16, 3],
  ['stages.0.mlp', 'block', 8, 3],
  ['stages.0', 'block', 8, 1],
  ['stages.1.norm', 'normalisation', 32, 3],
  ['stages.1', 'block', 12, 3],
  ['stages.2.norm', 'normalisation', 12, 3],
  ['stages.2.mlp.act', 'activation', 24, 3],
  ['stages.2.mlp', 'block', 12, 3],
  ['stages', 'block', 12, 3],
  ['blocks.0.norm1', 'normalisation', 12, 2],
  ['blocks.0.attn', 'block', 12, 2],
  ['blocks.0.norm2', 'normalisation', 12, 2],
  ['blocks.0.mlp.act', 'activation', 24, 2],
  ['blocks.0.mlp', 'block', 12, 2],
  ['blocks', 'block', 12, 2],
  ['norm', 'normalisation', 12, 2],
];
/** What has no module of its own, in order. */
const UNNAMED = [
  ['pooling', 8, 1],
  ['activation', 4, 1],
  ['activation', 8, 1],
  ['features', 12, 1],
];

/** Scores of each unit for each image's own class, one image a class: [units, images]. */
async function importanceOf(classifier: Classifier, name: string): Promise<number[][]> {
  const x = golden(file('images.npy')).data;
  const labels = Int32Array.from(toNumbers(decodeNpy(readFileSync(file('labels.npy')), 'labels.npy')));
  const layer = layerOf(classifier, name);
  const size = x.length / labels.length;
  const perImage = await Promise.all(
    [...labels].map(async (label, image) => {
      const pixels = x.slice(image * size, (image + 1) * size);
      const facts = { imageShape: classifier.imageShape, classes: classifier.classes, labels: Int32Array.of(label) };
      const probe = datasetOf({ ...facts, pixels }, undefined, 'images');
      const { data } = await loirScores(classifier, layer, probe, { signed: false, batchSize: 4, runtime });
      return Array.from({ length: layer.units }, (_, unit) => data[unit * classifier.classes + label]!);
    }),
  );
  return Array.from({ length: layer.units }, (_, unit) => perImage.map((scores) => scores[unit]!));
}

describe.each(['script', 'dynamo'])('the layers of a network by the %s exporter', (exporter) => {
  const path = file(`layers.${exporter}.onnx`);

  it('are offered by the names of modules, with the axis that the graph tells', async () => {
    const { layers, notes } = await openClassifier({ path });
    const row = ({ kind, units, axis }: (typeof layers)[number]) => [kind, units, axis + 1];
    const named = layers.filter(({ name, tensor }) => name !== tensor);
    expect(named.map((layer) => [layer.name, ...row(layer)])).toEqual(LAYERS);
    expect(layers.filter((layer) => !named.includes(layer)).map(row)).toEqual(UNNAMED);
    expect(notes).toEqual([]);
  });

  it('are found by module, tensor and node, also the inner names of a value', async () => {
    const { layers } = await openClassifier({ path });
    for (const { name, tensor, axis } of layers)
      for (const layer of [name, tensor])
        expect((await openClassifier({ path, layer })).layers).toMatchObject([{ name: layer, tensor, axis }]);
    const [inner] = (await openClassifier({ path, layer: 'blocks.0' })).layers;
    expect(inner).toMatchObject({ name: 'blocks.0', tensor: layers.find(({ name }) => name === 'blocks')!.tensor });
  });

  it.each(['stem', 'se', 'stages.0.mlp.act', 'stages.1', 'stages.2', 'blocks.0'])(
    'left out unit by unit, %s matters as in PyTorch',
    async (layer) => {
      const scores = (await importanceOf(await openClassifier({ path, layer }), layer)).flat();
      const expected = golden(file(`importance.${layer}.npy`)).data;
      expect(scores.length).toBe(expected.length);
      for (const [at, score] of scores.entries()) expect(score).toBeCloseTo(expected[at]!, 5);
    },
  );

  it('are refused where nothing tells the axis, and are what layerAxis says', async () => {
    const layer = 'blocks.0.attn.softmax';
    await expect(openClassifier({ path, layer })).rejects.toThrow(
      `layer "${layer}" is [N, 3, 16, 16], and the graph does not tell which axis holds its units: ` +
        'say "layerAxis" (--layer-axis), 1, 2 or 3',
    );
    const scores = (await importanceOf(await openClassifier({ path, layer, layerAxis: 1 }), layer)).flat();
    const expected = golden(file(`importance.${layer}.npy`)).data;
    for (const [at, score] of scores.entries()) expect(score).toBeCloseTo(expected[at]!, 5);
    expect((await openClassifier({ path, layer, layerAxis: -1 })).layers).toMatchObject([{ axis: 2, units: 16 }]);
    const other = await openClassifier({ path, layer: 'stages.1', layerAxis: 1 });
    expect(other).toMatchObject({
      layers: [{ axis: 0, units: 4 }],
      notes: ['the units of "stages.1" are axis 1, as stated; the graph tells axis 3'],
    });
    for (const layerAxis of [0, 4, -4])
      await expect(openClassifier({ path, layer, layerAxis })).rejects.toThrow(
        `layerAxis is ${layerAxis}: give 1 to 3`,
      );
  });

  it('are refused where a module hands on several values, or there is none', async () => {
    await expect(openClassifier({ path, layer: 'blocks.9' })).rejects.toThrow(
      /has no tensor, node or module named "blocks.9"; "igd inspect layers/,
    );
  });
});

it('a module that is called twice hands on two values, and is no layer by its name', () => {
  const builder = new GraphBuilder();
  const x = builder.input('x', [{ batch: 1 }, 4]);
  const call = (value: string, at: number) =>
    builder.op('Relu', [value], {}, { name: `/act/Relu_${at}`, outputs: [`relu${at}`] });
  const weights = builder.initializer('w', float32([4, 4], new Float32Array(16).fill(0.5)));
  const hidden = builder.op('Gemm', [call(x, 1), weights], {}, { name: '/fc/Gemm' });
  const { graph } = builder.build([builder.op('Gemm', [call(hidden, 2), weights], {}, { name: '/head/Gemm' })]);
  expect(() => moduleOutput(graph, 'act')).toThrow(
    'module "act" hands on 2 values, and a layer is one: "relu1", "relu2"',
  );
  expect(moduleOutput(graph, 'fc')).toBe(hidden);
  expect(moduleOutput(graph, 'f')).toBeUndefined();
});

it('an output without a name, which nobody reads, is no layer', () => {
  const builder = new GraphBuilder();
  const x = builder.input('x', [{ batch: 1 }, 4, 3, 3]);
  const [half] = builder.ops('Split', [x], { attributes: { axis: 1, num_outputs: 2 }, outputs: ['half', ''] });
  const logits = builder.op('Flatten', [builder.op('GlobalAveragePool', [half!])]);
  const { layers } = offeredLayers(builder.build([logits]).graph, logits, () => true);
  expect(layers.map(({ tensor }) => tensor)).not.toContain('');
});
