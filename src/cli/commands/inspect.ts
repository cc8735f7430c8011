import type { Command } from 'commander';
import { sizeOf } from '../../numeric/tensor.ts';
import { missingRules } from '../../onnx/autodiff/vjp.ts';
import type { Graph } from '../../onnx/graph.ts';
import { checkpointDigest } from '../../runs/inputs/inspect-inputs.ts';
import { openClassifier } from '../../runs/inputs/open-classifier.ts';
import { localPath } from '../../stores/open.ts';
import { print } from '../storage-location.ts';

export function define(command: Command): void {
  command
    .argument('<file>', 'checkpoint (.pt, .pth, .pth.tar, .safetensors) or .onnx')
    .option('--json', 'as JSON')
    .action(async (file: string, { json }: { json?: boolean }) => {
      const summary = await summarise(file);
      if (json === true) return print(JSON.stringify(summary, null, 2));
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
      for (const note of summary.notes) print(`  note          ${note}`);
    });
}

async function summarise(file: string) {
  const path = await localPath(file);
  const sha256 = await checkpointDigest(path);
  const { architecture, imageShape, classes, layers, notes, model } = await openClassifier({ path });
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
  };
}

function countOps({ nodes }: Graph): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { op } of nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => a.localeCompare(b)));
}
