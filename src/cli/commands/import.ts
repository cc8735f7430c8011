import type { Command } from 'commander';
import { layerOf, requireDeterministic } from '../../models/classifier.ts';
import { gradientModel } from '../../onnx/autodiff/vjp.ts';
import { encodeModel } from '../../onnx/codec/model.ts';
import type { Model } from '../../onnx/graph.ts';
import { openClassifier } from '../../runs/inputs/open-classifier.ts';
import { localPath } from '../../stores/open.ts';
import { modelNotes, sayAssumed, sayModelNotes } from '../assumptions.ts';
import { addLayerAxis, addModelOptions, layerFlags, type ModelFlags, modelOptions } from '../options.ts';
import { addJson, printJson } from '../output.ts';
import { print, writeOutput } from '../storage-location.ts';

interface ImportFlags extends ModelFlags {
  readonly out: string;
  readonly layer?: string;
  readonly layerAxis?: number;
  readonly gradient?: boolean;
}

export function define(command: Command): void {
  addJson(command)
    .argument('<checkpoint>')
    .requiredOption('--out <file>', 'the .onnx to write')
    .option('--layer <name>', "add the layer's value as a second output")
    .option(
      '--gradient',
      'add input "cotangent" [N, C] and output "gradient": the vector-Jacobian product of the logits',
    );
  addLayerAxis(addModelOptions(command)).action(async (checkpoint: string, flags: ImportFlags) => {
    const path = await localPath(checkpoint);
    const classifier = await openClassifier({ path, ...layerFlags(flags), ...modelOptions(flags) });
    requireDeterministic(classifier, 'a graph that reads them as inputs is of no use elsewhere');
    const model = flags.gradient === true ? gradientModel(classifier.model) : classifier.model;
    const layer = flags.layer === undefined ? undefined : layerOf(classifier, flags.layer);
    await writeOutput(
      flags.out,
      encodeModel(layer === undefined ? model : withOutput(model, layer.tensor, layer.dims)),
    );
    const { architecture, input, imageShape, classes, reading } = classifier;
    const notes = modelNotes(classifier.notes);
    printJson({ out: flags.out, architecture, input, imageShape, classes, reading, notes });
    print(`${flags.out}: ${architecture}, input "${input}" [N, ${imageShape.join(', ')}] in [0, 1]`);
    sayModelNotes(classifier.notes);
    sayAssumed(reading);
  });
}

function withOutput(model: Model, name: string, dims: readonly number[]): Model {
  const { graph } = model;
  const outputs = [...graph.outputs, { name, type: 'float32' as const, dims: [{ batch: 1 }, ...dims] }];
  return { ...model, graph: { ...graph, outputs } };
}
