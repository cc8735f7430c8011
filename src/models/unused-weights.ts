import { quote } from '../checkpoints/messages.ts';
import type { StateDict } from '../checkpoints/weights.ts';
import { CheckpointError } from '../errors.ts';
import type { Tensor } from '../numeric/tensor.ts';
import { arePrunedBy } from './pruned-weights.ts';

/** A kind of tensor that a file may hold though the network's function does not depend on it. */
interface Harmless {
  /** For a reader of this table. */
  readonly what: string;
  readonly holds: (name: string, tensor: Tensor, file: Pick<Leftovers, 'all' | 'isOfZoo'>) => boolean;
}

/** A PreActResNet of GradAlign's code (RobustBench's Andriushchenko2020Understanding) holds this one under both names. */
const [FIRST, FIRST_LAYERS] = ['conv1.weight', 'model_preact_hl1.1.weight'];

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
  {
    what: "the first convolution once more, under the name that GradAlign's code gives what comes before its first block",
    holds: (name, _, { all }) =>
      name.endsWith(FIRST_LAYERS) && isCopyOf(name, name.slice(0, -FIRST_LAYERS.length) + FIRST, all),
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

/** A refusal that ends with the way out, once. */
export function withWayOut(message: string): string {
  return message.includes(EXPORT_INSTEAD) ? message : `${message}. ${EXPORT_INSTEAD}`;
}

/** How many names a message gives. */
const MOST_NAMED = 4;

/**
 * Every tensor of the file is used, or known not to matter; a copy of one that is used does not. Returns what the user
 * should know of those that were left out. Throws CheckpointError with the names of the others: with weights that igd does
 * not use, it would compute another function than the file's.
 */
export function requireAllUsed({ used, all, prefix, isOfZoo, architecture }: Leftovers): string[] {
  const left: string[] = [];
  const unknown: string[] = [];
  const copies = copiesIn(used, all, prefix);
  for (const [name, tensor] of all) {
    if (used.has(name) || HARMLESS.some(({ holds }) => holds(name, tensor, { all, isOfZoo }))) continue;
    if (copies.has(name)) left.push(name);
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
  return left.length === 0 ? [] : [`left out copies of weights that are used: ${listed(left, all)}`];
}

/**
 * Copies of the whole network, or of a whole member of an ensemble, under another prefix, as robustness's files have them, and of
 * its normalisation. A single tensor that
 * equals one of the network's may be a layer that has not moved since it was initialised, or shares its weights.
 */
function copiesIn(used: ReadonlySet<string>, all: StateDict, prefix: string): ReadonlySet<string> {
  const outside = [...used].filter((name) => !name.startsWith(prefix));
  const copies = new Set<string>();
  for (const network of networksIn(used, prefix)) {
    const own = [...used].filter((name) => name.startsWith(network)).map((name) => name.slice(network.length));
    for (const other of prefixesOf(own[0] ?? '', all)) {
      const isWhole = other !== network && own.every((name) => isCopyOf(other + name, network + name, all));
      for (const name of isWhole ? own : []) copies.add(other + name);
    }
  }
  for (const name of copies.size > 0 ? all.keys() : [])
    if (outside.some((original) => lastOf(original) === lastOf(name) && isCopyOf(name, original, all)))
      copies.add(name);
  return copies;
}

/** The network, and each member of an ensemble. */
function networksIn(used: ReadonlySet<string>, prefix: string): ReadonlySet<string> {
  const members = [...used].flatMap((name) => /^models\.\d+\./.exec(name.slice(prefix.length)) ?? []);
  return new Set([prefix, ...members.map((member) => prefix + member)]);
}

/** What stands in front of that name, wherever it stands. */
function prefixesOf(own: string, all: StateDict): string[] {
  return [...all.keys()].flatMap((name) =>
    name.endsWith(`.${own}`) || name === own ? [name.slice(0, name.length - own.length)] : [],
  );
}

function lastOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function isCopyOf(name: string, original: string, all: StateDict): boolean {
  const [copy, tensor] = [all.get(name), all.get(original)];
  return copy !== undefined && tensor !== undefined && isCopy(copy, tensor);
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
