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

/** A pair in the file. */
interface Found extends FileNormalization {
  /** Whether it is the network's beyond doubt: where it stands, or by what its module is called. */
  readonly isOwn: boolean;
  /** Whether it is of buffers, which count as weights, and not of attributes. */
  readonly isOfBuffers: boolean;
}

/** What a file says of its images' normalisation. */
export interface NormalizationsInFile {
  readonly own?: FileNormalization;
  /** Where there is none: names of what may be another's, a generator's or a teacher's, and may be meant. */
  readonly doubtful: readonly string[];
}

/**
 * The mean and standard deviation in the file: a pair of one number a channel, buffers such as `mu` and `sigma` or
 * `normalize.mean` and `normalize.std`, or attributes of a module of those names. Those of another network or inside a
 * layer are not the images'. Throws CheckpointError where it holds two that differ, one of some members alone, or one that images
 * in [0, 1] have not.
 */
export function normalizationIn(sought: Sought): NormalizationsInFile {
  const { state, modules } = sought;
  const all = [
    ...[...state.keys()].flatMap((name) => buffersAt(sought, name) ?? []),
    ...modules.flatMap((info) => attributesOf(sought, info) ?? []),
  ];
  const pairs = all.filter(({ isOwn }) => isOwn);
  const [first] = pairs;
  if (first === undefined) return { doubtful: all.flatMap(({ names }) => names) };
  // Buffers that are not the network's are refused with the weights beside it.
  const others = all.filter((pair) => pair !== first && (pair.isOwn || !pair.isOfBuffers));
  const other = others.find((pair) => formatStatistics(pair) !== formatStatistics(first) || !isMembers(pair, sought));
  if (other !== undefined) {
    throw new CheckpointError(
      `holds two normalisations, ${first.names.join(', ')} and ${other.names.join(', ')}: igd cannot tell which act. ${EXPORT_INSTEAD}`,
    );
  }
  requireOfUnitRange(first);
  const names = pairs.flatMap((pair) => pair.names);
  requireOfAllMembers(names, sought);
  return { own: { mean: first.mean, std: first.std, names }, doubtful: [] };
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

function buffersAt({ state, prefix, channels }: Sought, name: string): Found | undefined {
  for (const { mean, std } of STATISTICS) {
    if (name !== mean && !name.endsWith(`.${mean}`)) continue;
    const module = name.slice(0, name.length - mean.length);
    const other = module + std;
    const values = [perChannel(state.get(name), channels), perChannel(state.get(other), channels)] as const;
    if (values[0] === undefined || values[1] === undefined || !isOfImages(state, module, prefix)) continue;
    const found = { mean: values[0], std: values[1], names: [name, other] };
    return { ...found, isOwn: isOwn(module, prefix), isOfBuffers: true };
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

/** Whether buffers of `module` may act on the network's images: it holds the network, or holds nothing else beside it. */
function isOfImages(state: StateDict, module: string, prefix: string): boolean {
  if (prefix.startsWith(module)) return true;
  const { outer, inner } = besideNetwork(module, prefix);
  const top = outer + inner.slice(0, inner.indexOf('.') + 1);
  return inner === '' || [...state.keys()].every((name) => !name.startsWith(top) || BUFFER.test(name));
}

/** What modules that prepare images are called, a Sequential's first included. */
const PREPARING = /^(0|\w*norm\w*|\w*pre_?proc\w*|\w*standardi[sz]\w*|transforms?|scal(e|er|ing)|inputs?)$/i;

/** Whether those that may are the network's: it is in their module, or that has the name of one that prepares images. */
function isOwn(module: string, prefix: string): boolean {
  if (prefix.startsWith(module)) return true;
  const { inner } = besideNetwork(module, prefix);
  return inner
    .split('.')
    .slice(0, -1)
    .every((name) => PREPARING.test(name));
}

/** The innermost module that holds `module` and the network, a member of an ensemble included; and the rest of the name. */
function besideNetwork(module: string, prefix: string): { readonly outer: string; readonly inner: string } {
  const common = commonModule(module, prefix);
  const outer = common + (MEMBER.exec(module.slice(common.length))?.[0] ?? '');
  return { outer, inner: module.slice(outer.length) };
}

/** The innermost module that holds both, with its dot. */
function commonModule(a: string, b: string): string {
  let end = 0;
  for (let i = 0; i < a.length && a[i] === b[i]; i++) if (a[i] === '.') end = i + 1;
  return a.slice(0, end);
}

/** torchvision.transforms.Normalize is a module whose mean and std are lists. */
function attributesOf({ channels, prefix }: Sought, info: ModuleInfo): Found | undefined {
  if (!hasStatistics(info)) return undefined;
  const inner = info.place === undefined ? prefix : '';
  const path = info.path === '' ? inner : `${inner}${info.path}.`;
  const [mean, std] = ['mean', 'std'].map((name) => info.attributes.get(name));
  if (typeof mean !== 'object' || typeof std !== 'object') return undefined;
  const found = { mean, std, names: [`${path}mean`, `${path}std`], isOwn: isOwn(path, prefix), isOfBuffers: false };
  if (mean.length === channels && std.length === channels) return found;
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
