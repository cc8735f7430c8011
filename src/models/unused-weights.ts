import { quote } from '../checkpoints/messages.ts';
import type { StateDict } from '../checkpoints/weights.ts';
import { CheckpointError } from '../errors.ts';
import type { Tensor } from '../numeric/tensor.ts';
import { arePrunedBy } from './pruned-weights.ts';

/** A kind of tensor that a file may hold though the network's function does not depend on it. */
interface Harmless {
  readonly what: string;
  readonly holds: (name: string, tensor: Tensor, file: Pick<Leftovers, 'all' | 'isOfZoo'>) => boolean;
}

const HARMLESS: readonly Harmless[] = [
  { what: 'BatchNorm counts its batches', holds: (name) => /(^|\.)num_batches_tracked$/.test(name) },
  { what: "TRADES's second copy of the first block", holds: (name) => /(^|\.)sub_block1\./.test(name) },
  {
    what: "MixedNUTS's own ways to a smoother gradient",
    holds: (name) => /(^|\.)(_alpha_diffable|std_map\.approx\.(scale|power))$/.test(name),
  },
  {
    what: 'scores by which edge-popup has pruned',
    // RobustBench's own code leaves those of its models out.
    holds: (name, tensor, { all, isOfZoo }) =>
      /(^|\.)scores$/.test(name) && (isOfZoo || arePrunedBy(name, tensor, all)),
  },
  {
    what: 'MeanSparse counts its batches',
    holds: (name) => /(^|\.)meansparse_\w+\.(flag_update_statistics|batch_num)$/.test(name),
  },
];

/** What is left of a state dict once a network is built of it. */
export interface Leftovers {
  /** Names in the file of the tensors that the network was built of. */
  readonly used: ReadonlySet<string>;
  /** Everything in the file, by its name there. */
  readonly all: StateDict;
  /** What stands in front of the network's names. */
  readonly prefix: string;
  /** Whether the user names it as a model of RobustBench's zoo. */
  readonly isOfZoo: boolean;
  /** For the message. */
  readonly architecture: string;
}

/** The way out of a refusal: ONNX carries the function itself. */
export const EXPORT_INSTEAD =
  'Export the model to .onnx and give that instead: torch.onnx.export(model.eval(), torch.rand(1, 3, 32, 32), "model.onnx"), ' +
  'with the size of its images';

/** How many names a message gives. */
const MOST_NAMED = 4;

/**
 * Every tensor of the file is used, or known not to matter; a copy of one that is used does not. Returns what the user
 * should know of those that were left out. Throws CheckpointError with the names of the others: with weights that igd does
 * not use, it would compute another function than the file's.
 */
export function requireAllUsed({ used, all, prefix, isOfZoo, architecture }: Leftovers): string[] {
  const notes = new Map<string, string[]>();
  const unknown: string[] = [];
  const originals = [...used].flatMap((name) => all.get(name) ?? []);
  for (const [name, tensor] of all) {
    if (used.has(name)) continue;
    const kind = HARMLESS.find(({ holds }) => holds(name, tensor, { all, isOfZoo }));
    if (kind !== undefined) continue;
    if (originals.some((original) => isCopy(tensor, original))) push(notes, 'copies of weights that are used', name);
    else unknown.push(name);
  }
  if (unknown.length > 0) {
    const isOutside = prefix !== '' && unknown.every((name) => !name.startsWith(prefix));
    const wayOut = isOutside
      ? `If they are no part of it, say so: stateDict (--state-dict) "${prefix.slice(0, -1)}". If they are: ${EXPORT_INSTEAD}`
      : `Its function is another one. ${EXPORT_INSTEAD}`;
    throw new CheckpointError(
      `has weights that ${architecture} as igd knows it does not use: ${listed(unknown, all)}. ${wayOut}`,
    );
  }
  return [...notes].map(([what, names]) => `left out ${what}: ${listed(names, all)}`);
}

function push(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

function isCopy(a: Tensor, b: Tensor): boolean {
  if (a.type !== b.type || a.dims.join() !== b.dims.join()) return false;
  if (a.data === b.data) return true;
  const [left, right] = [a.data, b.data];
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false;
  return true;
}

function listed(names: readonly string[], all: StateDict): string {
  const shown = names.slice(0, MOST_NAMED).map((name) => `${quote(name)} [${all.get(name)?.dims.join(', ') ?? ''}]`);
  const more = names.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
