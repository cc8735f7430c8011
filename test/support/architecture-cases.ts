import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { StateDict } from '../../src/checkpoints/weights.ts';
import type { Classifier } from '../../src/models/classifier.ts';
import { classifierFromCheckpoint } from '../../src/models/from-checkpoint.ts';
import { modelOptionsSchema } from '../../src/schemas/model-options.ts';
import { formulaWeight } from './formula-weights.ts';

export const ARCHITECTURE_FIXTURES = join(import.meta.dirname, '../fixtures/architectures');

/** A network by its names and shapes; `same`: names that stand for the tensor of another. */
const caseSchema = z.strictObject({
  size: z.number().int(),
  model: modelOptionsSchema.optional(),
  state: z.record(z.string(), z.array(z.number().int())),
  same: z.record(z.string(), z.string()),
});
export type ArchitectureCase = z.infer<typeof caseSchema>;

/** Small networks of the zoo, by name. */
export const ARCHITECTURE_CASES = z
  .record(z.string(), caseSchema)
  .parse(JSON.parse(readFileSync(join(ARCHITECTURE_FIXTURES, 'architectures.json'), 'utf8')));

export function stateOf({ state, same }: ArchitectureCase): StateDict {
  return new Map(Object.entries(state).map(([name, dims]) => [name, formulaWeight(same[name] ?? name, dims)]));
}

/** The network of a case, read as igd reads its file. */
export function opened(net: ArchitectureCase, options = net.model, state: StateDict = stateOf(net)): Classifier {
  const checkpoint = { path: 'net.pt', format: 'torch-zip', sha256: '', state, notes: [] } as const;
  // Scores by which the zoo's networks were pruned are left out where the zoo says so.
  const zoo = [...state.keys()].some((name) => name.endsWith('.scores'))
    ? { model: {}, networks: 1, architecture: '', classes: 10 }
    : undefined;
  return classifierFromCheckpoint(checkpoint, { imageShape: [3, net.size, net.size], model: options, zoo });
}
