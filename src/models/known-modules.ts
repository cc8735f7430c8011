import type { ModuleInfo } from '../checkpoints/module-info.ts';
import type { StateDict } from '../checkpoints/weights.ts';
import { CheckpointError } from '../errors.ts';
import { calledAverageProblem, poolProblem } from './known-pools.ts';
import type { Pools } from './pools.ts';
import { EXPORT_INSTEAD } from './unused-weights.ts';

/** What a built network leaves to be held against the modules of its file. */
interface Built {
  readonly modules: readonly ModuleInfo[];
  /** The whole file. */
  readonly state: StateDict;
  /** What stands in front of the network's names. */
  readonly prefix: string;
  /** Names that the normalisation was read from. */
  readonly normalization: readonly string[];
  readonly pools: Pools;
}

/** Modules that hold weights, as igd's architectures use them: torch.nn's own, and layers that other codes write themselves. */
const TORCH_LAYERS = /^torch\.nn\..*\b(Conv2d|Linear|(Sync)?BatchNorm(\dd)?|InstanceNorm2d|LayerNorm|GroupNorm)$/;
const OTHER_LAYERS =
  /\b(StdConv2d\w*|LayerNorm(2d)?|GRN|GlobalResponseNorm|LayerScale(2d)?|GroupNorm(Act)?|BatchNormAct2d|MeanSparse\w*|PSSiLU)$/;

/** Beside a network without weights: what does nothing at inference, or is for training alone. */
const BESIDE =
  /(Identity|Dropout\d?d?|Sequential|ModuleList|ModuleDict|Flatten|\w*Loss|\w*Criterion|\w*Metric\w*|\w*Accuracy)$/;

/** Where an architecture has no activation: between the blocks of a stage, behind a projection. */
const BARE = /(^|\.)(layer\d|stage_\d|downsample|shortcut|convShortcut)\.[^.]+$/;
const ACTIVATION = /^torch\.nn\.modules\.activation\./;

/** Where it has one. */
const ACTIVATED = /(^|\.)(act\d?|relu\d?|activation)$/i;

/**
 * Every module of a network that was pickled whole is one that igd's architectures have, where they have it. Throws
 * CheckpointError with the name of another: its class computes what its weights do not tell.
 */
export function requireKnownModules({ modules, state, prefix, normalization, pools }: Built): void {
  const weighted = new Set([...state.keys(), ...normalization].flatMap(pathsAbove));
  const holders = new Set([...weighted].map(parentOf));
  for (const info of modules) {
    const path = info.place === undefined ? prefix + info.path : info.path;
    if (info.altered !== undefined && info.place !== 'beside') throw refused(info, `has ${info.altered}`);
    const called = info.place === undefined ? calledAverageProblem(info, pools) : undefined;
    if (called !== undefined) throw refused(info, called);
    if (info.place === 'around' || info.path === '') continue;
    if (info.place === 'beside') requireHarmless(info, modules, weighted, prefix);
    else if (!weighted.has(path)) requireInPlace(info, modules, pools);
    else if (!holders.has(path) && !isLayer(info, normalization, path))
      throw refused(info, 'is of a class that igd does not know, and has weights');
  }
}

function pathsAbove(name: string): string[] {
  const parts = name.split('.');
  return parts.slice(1).map((_, depth) => parts.slice(0, depth + 1).join('.'));
}

function parentOf(path: string): string {
  return path.includes('.') ? path.slice(0, path.lastIndexOf('.')) : '';
}

function isLayer({ className }: ModuleInfo, normalization: readonly string[], path: string): boolean {
  return (
    TORCH_LAYERS.test(className) ||
    OTHER_LAYERS.test(className) ||
    normalization.some((name) => name.startsWith(`${path}.`))
  );
}

/** Weights beside the network are accounted for by their names; so are the modules among them. */
function requireHarmless(
  info: ModuleInfo,
  modules: readonly ModuleInfo[],
  weighted: ReadonlySet<string>,
  prefix: string,
): void {
  const beside = new Set(modules.flatMap(({ place, path }) => (place === 'beside' ? [path] : [])));
  const above = [...pathsAbove(info.path), info.path].filter((path) => beside.has(path));
  if (BESIDE.test(info.className) || above.some((path) => weighted.has(path))) return;
  const network = prefix === '' ? 'the name of the network in the file' : `"${prefix.slice(0, -1)}"`;
  throw refused(
    info,
    'stands beside the network, and igd does not know what it does to images or logits',
    `If nothing, say so: stateDict (--state-dict) ${network}. If something: `,
  );
}

function requireInPlace(info: ModuleInfo, modules: readonly ModuleInfo[], pools: Built['pools']): void {
  const name = info.className.slice(info.className.lastIndexOf('.') + 1);
  const problem = name.includes('Pool') ? poolProblem(info, name, pools) : undefined;
  if (problem !== undefined) throw refused(info, problem);
  if (ACTIVATION.test(info.className) && BARE.test(info.path))
    throw refused(info, 'stands where the architecture has no activation');
  const parent = modules.find(({ path }) => path === parentOf(info.path));
  if (name === 'Identity' && ACTIVATED.test(info.path) && !/NormAct/.test(parent?.className ?? ''))
    throw refused(info, 'stands where the architecture has an activation');
}

function refused({ path, className }: ModuleInfo, why: string, wayOut = ''): CheckpointError {
  const where = path === '' ? '' : ` "${path}"`;
  return new CheckpointError(`its module${where} (${className}) ${why}. ${wayOut}${EXPORT_INSTEAD}`);
}
