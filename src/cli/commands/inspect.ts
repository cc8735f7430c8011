import { basename } from 'node:path';
import type { Command } from 'commander';
import { proveClassifier } from '../../evaluation/proof/prove-model.ts';
import type { Classifier, MaskLayer } from '../../models/classifier.ts';
import { sizeOf } from '../../numeric/tensor.ts';
import { gradientProblems } from '../../onnx/autodiff/gradient-problems.ts';
import type { Graph } from '../../onnx/graph.ts';
import { proofText } from '../../report/proof-text.ts';
import { checkpointDigest } from '../../runs/inputs/inspect-inputs.ts';
import { openClassifier } from '../../runs/inputs/open-classifier.ts';
import type { ModelProof } from '../../schemas/proof.ts';
import { describeReading } from '../../schemas/reading.ts';
import { localPath } from '../../stores/open.ts';
import { addModelOptions, cores, type ModelFlags, modelOptions } from '../options.ts';
import { print } from '../storage-location.ts';

interface InspectFlags extends ModelFlags {
  readonly json?: boolean;
  readonly prove?: boolean;
}

export function define(command: Command): void {
  command
    .argument('<file>', 'checkpoint (.pt, .pth, .pth.tar, .safetensors) or .onnx')
    .option('--json', 'as JSON')
    .option(
      '--prove',
      'compute a few random images: by other sessions, in other batches, and gradients by differences',
    );
  addModelOptions(command).action(async (file: string, flags: InspectFlags) => {
    const summary = await summarise(file, flags);
    if (flags.json === true) return print(JSON.stringify(summary, null, 2));
    const ops = Object.entries(summary.ops).map(([op, count]) => `${op} ${count}`);
    print(`${file}`);
    print(`  sha256        ${summary.sha256}`);
    print(`  architecture  ${summary.architecture}`);
    print(`  images        [${summary.imageShape.join(', ')}]`);
    print(`  classes       ${summary.classes}`);
    print(`  weights       ${summary.weights}`);
    print(`  layers        ${layerLines(summary.layers).join('\n                ')}`);
    print(`  ops           ${ops.join(', ')}`);
    if (summary.missingGradients.length > 0)
      print(`  no gradient   ${missingLines(summary.missingGradients).join('\n                ')}`);
    for (const line of describeReading(summary.reading)) print(`  read          ${line}`);
    for (const note of summary.notes) print(`  note          ${note}`);
    if (summary.proof !== undefined) for (const line of proofLines(summary.proof)) print(`  ${line}`);
  });
}

async function summarise(file: string, flags: InspectFlags) {
  const path = await localPath(file);
  const sha256 = await checkpointDigest(path);
  const classifier = await openClassifier({ path, ...modelOptions(flags) });
  const { architecture, imageShape, classes, layers, notes, reading, model } = classifier;
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
    layers,
    ops: countOps(model.graph),
    missingGradients: gradientProblems(model.graph),
    notes,
    reading,
    ...(flags.prove === true && { proof: await proofOf(classifier, basename(path)) }),
  };
}

function missingLines(problems: readonly string[]): string[] {
  const rest = problems.length - 5;
  return ['cannot be attacked white-box:', ...problems.slice(0, 5), ...(rest > 0 ? [`and ${rest} more (--json)`] : [])];
}

type LayerRow = Omit<MaskLayer, 'tensor'>;

/** A line a layer, those of a stage of the network under its name. */
function layerLines(layers: readonly LayerRow[]): string[] {
  let stage = '';
  return layers.flatMap((layer) => {
    const { name, kind, units, dims, axis } = layer;
    const what = `${name}: ${kind === undefined ? '' : `${kind}, `}${units} units [${dims.join(', ')}]`;
    const line = axis === 0 ? what : `${what}, layerAxis ${axis + 1}`;
    const own = stageOf(layer);
    if (own === undefined || own === stage) return [own === undefined ? line : `  ${line}`];
    stage = own;
    return name === own ? [line] : [`${own}`, `  ${line}`];
  });
}

/** "layers.0" of "layers.0.blocks.1.norm1": as far as the first number; undefined outside of any module. */
function stageOf({ module }: LayerRow): string | undefined {
  if (!module) return undefined;
  const steps = module.split('.');
  const numbered = steps.findIndex((step) => /^\d+$/.test(step));
  return steps.slice(0, numbered < 0 ? 1 : numbered + 1).join('.');
}

function proofLines(proof: ModelProof): string[] {
  return [`proof         ${proofText([proof])}`, ...proof.notes.map(({ message }) => `              note: ${message}`)];
}

async function proofOf(classifier: Classifier, name: string): Promise<ModelProof> {
  const { onnxRuntime } = await import('../../runtime/session.ts');
  const runtime = onnxRuntime({ threads: cores() });
  return proveClassifier(classifier, runtime, { name, gradients: true, evaluations: 0 });
}

function countOps({ nodes }: Graph): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { op } of nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => a.localeCompare(b)));
}
