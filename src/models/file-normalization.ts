import { STATISTICS } from '../checkpoints/aside.ts';
import type { ModuleInfo } from '../checkpoints/module-info.ts';
import type { StateDict } from '../checkpoints/weights.ts';
import { CheckpointError } from '../errors.ts';
import { type Tensor, toNumbers } from '../numeric/tensor.ts';
import { type FileNormalization, formatStatistics } from './normalization.ts';
import { EXPORT_INSTEAD } from './unused-weights.ts';

const BUFFER = /(^|\.)(mean|std|mu|sigma|new_mean|new_std)$/;

/** Where a normalisation is looked for. */
interface Sought {
  /** The whole file, and its modules where it names them. */
  readonly state: StateDict;
  readonly modules: readonly ModuleInfo[];
  /** What stands in front of the network's names: `model.`. */
  readonly prefix: string;
  readonly channels: number;
  /** What stands in front of the names of networks that all read what it gives. */
  readonly members?: readonly string[] | undefined;
}

/**
 * The mean and standard deviation in the file: a pair of one number a channel, buffers such as `mu` and `sigma` or
 * `normalize.mean` and `normalize.std`, or attributes of a module of those names. Those of another network or inside a
 * layer are not the images'. Throws CheckpointError where it holds two that differ, one of some members alone, or one that images
 * in [0, 1] have not.
 */
export function normalizationIn(sought: Sought): FileNormalization | undefined {
  const { state, modules } = sought;
  const pairs = [
    ...[...state.keys()].flatMap((name) => buffersAt(sought, name) ?? []),
    ...modules.flatMap((info) => attributesOf(sought, info) ?? []),
  ];
  const [first, ...others] = pairs;
  if (first === undefined) return undefined;
  const other = others.find((pair) => formatStatistics(pair) !== formatStatistics(first) || !isMembers(pair, sought));
  if (other !== undefined) {
    throw new CheckpointError(
      `holds two normalisations, ${first.names.join(', ')} and ${other.names.join(', ')}: igd cannot tell which act. ${EXPORT_INSTEAD}`,
    );
  }
  requireOfUnitRange(first);
  const names = pairs.flatMap((pair) => pair.names);
  requireOfAllMembers(names, sought);
  return { ...first, names };
}

/** One in the file of one network must not act on the others. */
function requireOfAllMembers(names: readonly string[], { members = [] }: Sought): void {
  const [without, having] = [false, true].map((has) =>
    members.filter((member) => names.some((name) => name.startsWith(member)) === has),
  );
  if (having?.[0] === undefined || without?.[0] === undefined) return;
  throw new CheckpointError(
    `holds a normalisation of "${having[0]}" (${names.join(', ')}) and none of "${without[0]}": networks that decide together are read ` +
      `behind one. ${EXPORT_INSTEAD}`,
  );
}

function buffersAt({ state, prefix, channels }: Sought, name: string): FileNormalization | undefined {
  for (const { mean, std } of STATISTICS) {
    if (name !== mean && !name.endsWith(`.${mean}`)) continue;
    const module = name.slice(0, name.length - mean.length);
    const other = module + std;
    const values = [perChannel(state.get(name), channels), perChannel(state.get(other), channels)] as const;
    if (values[0] !== undefined && values[1] !== undefined && isOfImages(state, module, prefix))
      return { mean: values[0], std: values[1], names: [name, other] };
  }
  return undefined;
}

/** [C], [C, 1, 1] or [1, C, 1, 1]. */
function perChannel(tensor: Tensor | undefined, channels: number): number[] | undefined {
  if (tensor === undefined || tensor.data.length !== channels || Math.max(...tensor.dims, 1) !== channels)
    return undefined;
  return toNumbers(tensor);
}

/** Networks of an ensemble may each have one. */
const MEMBER = /^models\.\d+\./;

/** Those of networks side by side act on the same images once each; others one behind the other. */
function isMembers({ names: [name = ''] }: FileNormalization, { prefix }: Sought): boolean {
  return name.startsWith(prefix) && MEMBER.test(name.slice(prefix.length));
}

/** Whether buffers of `module` act on the network's images: it holds the network, or holds nothing else beside it. */
function isOfImages(state: StateDict, module: string, prefix: string): boolean {
  if (prefix.startsWith(module)) return true;
  const outer = prefix.startsWith(commonModule(module, prefix)) ? commonModule(module, prefix) : prefix;
  const member = MEMBER.exec(module.slice(outer.length))?.[0] ?? '';
  if (module === outer + member) return true;
  const inner = module.slice(outer.length + member.length);
  const top = outer + member + inner.slice(0, inner.indexOf('.') + 1);
  return [...state.keys()].every((name) => !name.startsWith(top) || BUFFER.test(name));
}

/** The innermost module that holds both, with its dot. */
function commonModule(a: string, b: string): string {
  let end = 0;
  for (let i = 0; i < a.length && a[i] === b[i]; i++) if (a[i] === '.') end = i + 1;
  return a.slice(0, end);
}

/** torchvision.transforms.Normalize is a module whose mean and std are lists. */
function attributesOf({ channels, prefix }: Sought, info: ModuleInfo): FileNormalization | undefined {
  if (!hasStatistics(info)) return undefined;
  const inner = info.place === undefined ? prefix : '';
  const path = info.path === '' ? inner : `${inner}${info.path}.`;
  const [mean, std] = ['mean', 'std'].map((name) => info.attributes.get(name));
  if (typeof mean !== 'object' || typeof std !== 'object') return undefined;
  if (mean.length === channels && std.length === channels) return { mean, std, names: [`${path}mean`, `${path}std`] };
  throw new CheckpointError(
    `its module ${info.className} has a mean of ${mean.length} numbers and a std of ${std.length}, for images of ${channels} channels. ${EXPORT_INSTEAD}`,
  );
}

/** Whether a module keeps mean and standard deviation as lists of numbers, no tensors. */
export function hasStatistics({ attributes }: ModuleInfo): boolean {
  return typeof attributes.get('mean') === 'object' && typeof attributes.get('std') === 'object';
}

/** Images in [0, 1] have no larger mean or standard deviation; those of 0..255 have. */
const LARGEST = 1.5;

function requireOfUnitRange({ mean, std, names }: FileNormalization): void {
  const isSane = [...mean.map(Math.abs), ...std].every((value) => value <= LARGEST) && std.every((value) => value > 0);
  if (isSane) return;
  throw new CheckpointError(
    `holds ${formatStatistics({ mean, std })} (${names.join(', ')}), which images in [0, 1] have not: is it for 0..255? ${EXPORT_INSTEAD}`,
  );
}
