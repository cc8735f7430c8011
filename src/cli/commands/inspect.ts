import type { Command } from 'commander';
import { sizeOf } from '../../numeric/tensor.ts';
import { missingRules } from '../../onnx/autodiff/vjp.ts';
import type { Graph } from '../../onnx/graph.ts';
import { checkpointDigest } from '../../runs/inputs/inspect-inputs.ts';
import { openClassifier } from '../../runs/inputs/open-classifier.ts';
import { describeReading } from '../../schemas/reading.ts';
import { localPath } from '../../stores/open.ts';
import { addModelOptions, type ModelFlags, modelOptions } from '../options.ts';
import { print } from '../storage-location.ts';

export function define(command: Command): void {
  addModelOptions(command)
    .argument('<file>', 'checkpoint (.pt, .pth, .pth.tar, .safetensors) or .onnx')
    .option('--json', 'as JSON')
    .action(async (file: string, flags: ModelFlags & { json?: boolean }) => {
      const summary = await summarise(file, flags);
      if (flags.json === true) return print(JSON.stringify(summary, null, 2));
      print(`${file}`);
      print(`  sha256        ${summary.sha256}`);
      print(`  architecture  ${summary.architecture}`);
      print(`  images        [${summary.imageShape.join(', ')}]`);
      print(`  classes       ${summary.classes}`);
      print(`  weights       ${summary.weights}`);
      print(
        `  layers        ${summary.layers.map(({ name, units, dims }) => `${name}: ${units} units [${dims.join(', ')}]`).join('\n                ')}`,
      );
      print(
        `  ops           ${Object.entries(summary.ops)
          .map(([op, count]) => `${op} ${count}`)
          .join(', ')}`,
      );
      if (summary.missingGradients.length > 0)
        print(`  no gradient   ${summary.missingGradients.join(', ')}: cannot be attacked white-box`);
      for (const line of describeReading(summary.reading)) print(`  read          ${line}`);
      for (const note of summary.notes) print(`  note          ${note}`);
    });
}

async function summarise(file: string, flags: ModelFlags) {
  const path = await localPath(file);
  const sha256 = await checkpointDigest(path);
  const { architecture, imageShape, classes, layers, notes, reading, model } = await openClassifier({
    path,
    ...modelOptions(flags),
  });
  return {
    file,
    sha256,
    architecture,
    imageShape,
    classes,
    weights: [...model.graph.initializers.values()].reduce(
      (sum, { dims, type }) => sum + (type === 'float32' ? sizeOf(dims) : 0),
      0,
    ),
    layers: layers.map(({ name, units, dims }) => ({ name, units, dims })),
    ops: countOps(model.graph),
    missingGradients: missingRules(model.graph).map(({ op, nodes }) => `${op} (${nodes.join(', ')})`),
    notes,
    reading,
  };
}

function countOps({ nodes }: Graph): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { op } of nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => a.localeCompare(b)));
}
