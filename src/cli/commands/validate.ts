import type { Command } from 'commander';
import { proofText } from '../../report/proof-text.ts';
import { testifyModel } from '../../runs/inputs/testify-model.ts';
import { checkAnalysis } from '../../runs/planning/analysis-plan.ts';
import { suiteName } from '../../runs/planning/audit.ts';
import { prepareRun } from '../../runs/planning/prepare-run.ts';
import { chanceOf, proveRun } from '../../runs/planning/prove-run.ts';
import { onnxRuntime } from '../../runtime/session.ts';
import type { RunConfig } from '../../schemas/config.ts';
import { corruptionOf, corruptionText } from '../../schemas/corruption.ts';
import { idleKeys } from '../../schemas/idle-keys.ts';
import { parseParameterSweep } from '../../schemas/parameter-sweep.ts';
import { parseConfig } from '../../schemas/parse-config.ts';
import { describeReading } from '../../schemas/reading.ts';
import { testimonyText } from '../../schemas/testimony.ts';
import { cores } from '../options.ts';
import { addJson, printJson } from '../output.ts';
import { print, readConfigJson } from '../storage-location.ts';

export function define(command: Command): void {
  addJson(command).argument('<config>', 'run config (.json, .jsonc, .yaml)').action(validate);
}

async function validate(path: string): Promise<void> {
  const text = await readConfigJson(path);
  const sweep = parseParameterSweep(text, path);
  const [config = parseConfig(text, path), ...others] = sweep?.runs.map((run) => run.config) ?? [];
  for (const other of others) await prepareRun(other, null);
  const prepared = await prepareRun(config, null);
  const { inputs, suite } = prepared.plan;
  checkAnalysis(config, inputs);
  const runtime = onnxRuntime({ threads: cores() });
  const testimony = await testifyModel(prepared.local, runtime);
  const proof = await proveRun(prepared, runtime);
  const chance = await chanceOf(prepared, runtime);
  const { checkpoint, test, probe, clip } = inputs;
  const notes = idleKeys(config);
  const facts = { name: config.name, inputs, suite, testimony, proof };
  printJson({ config: path, ...facts, chance: chance?.message ?? null, notes });
  print(`${path} is a valid run config`);
  if (sweep !== undefined)
    print(`  sweep     ${sweep.key}: ${sweep.runs.map(({ value }) => value).join(', ')}; the first:`);
  print(`  model     ${checkpoint.architecture}, ${checkpoint.classes} classes, sha256 ${checkpoint.sha256}`);
  for (const line of describeReading(checkpoint.reading ?? [])) print(`            ${line}`);
  print(`            ${testimonyText(testimony)}`);
  for (const note of checkpoint.notes) print(`            ${note}`);
  print(`  proof     ${proofText([proof])}`);
  for (const { message } of proof.notes) print(`            note: ${message}`);
  if (checkpoint.layer !== null) {
    const { name, units, axis } = checkpoint.layer;
    const along = axis === undefined ? '' : ` along layerAxis ${axis}`;
    print(`  layer     ${name}, ${units} units${along}, ${config.importantUnits ?? 'all'} kept`);
  }
  const corruption = corruptionOf(config.dataset);
  const corrupted = corruption === undefined ? '' : ` (${corruptionText(corruption)})`;
  print(`  images    ${test.images} to evaluate${corrupted}${probe === null ? '' : `, ${probe.images} to rank on`}`);
  if (clip !== undefined)
    print(
      `  clip      ${clip.description}; ${clip.concepts.slice(0, 5).join(', ')}${clip.concepts.length > 5 ? ', ...' : ''}`,
    );
  print(`  variants  ${config.variants.map(({ id }) => id).join(', ')}`);
  const attacks = suite.map(({ name }) => name).join(', ');
  print(`  attacks   ${attacks}; ${config.threat.norm}, eps ${config.threat.epsilon.toPrecision(4)}`);
  if (config.audit !== undefined) printAudit(config.audit);
  if (chance !== null) {
    const end = chance.endsRun ? '; a run stops before its attacks, unless "allowChance": true' : '';
    print(`  flag      ${chance.message}${end}`);
  }
  for (const { message } of inputs.notes ?? []) print(`  note      ${message}`);
  for (const line of notes) print(`  note      ${line}`);
}

function printAudit({ suite, halfWidth, confidence }: NonNullable<RunConfig['audit']>): void {
  const points = Number((100 * halfWidth).toPrecision(10));
  const sure = Number((100 * confidence).toPrecision(10));
  print(`  audit     ${suiteName(suite)} on a sample of what is left, to ${points} points either way (${sure}%)`);
}
