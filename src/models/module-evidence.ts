import { quote } from '../checkpoints/messages.ts';
import type { ModuleAttribute, ModuleInfo } from '../checkpoints/module-info.ts';
import { CALLS } from '../checkpoints/torch/script-code.ts';
import { CheckpointError } from '../errors.ts';
import type { Activation, ModelOptions } from '../schemas/model-options.ts';
import { hasStatistics } from './file-normalization.ts';
import { EXPORT_INSTEAD } from './unused-weights.ts';

/** Classes of activations, torch.nn's and those that training codes write themselves. */
const ACTIVATION_CLASSES: ReadonlyMap<string, Activation> = new Map([
  ['ReLU', 'relu'],
  ['LeakyReLU', 'leaky-relu'],
  ['SiLU', 'silu'],
  ['Swish', 'silu'],
  ['GELU', 'gelu'],
  ['ELU', 'elu'],
  ['Softplus', 'softplus'],
  ['Tanh', 'tanh'],
]);

/** Attributes under which an activation is another function than the one we know, and the value at which it is ours. */
const PARAMETERS: Readonly<Record<string, Readonly<Record<string, number | string>>>> = {
  GELU: { approximate: 'none' },
  ELU: { alpha: 1 },
  Softplus: { beta: 1, threshold: 20 },
  SelectAdaptivePool2d: { pool_type: 'avg' },
};

/** Modules without weights that do nothing at inference, or that an architecture has in fixed places. */
const STRUCTURE =
  /^(Identity|Sequential|ModuleList|Flatten|(Alpha|Feature)?Dropout\d?d?|DropPath|\w*(Avg|Max|Adaptive)Pool\dd|FastAdaptiveAvgPool)$/;
/** Modules that an architecture has in one place as it is, whatever the activation of the network: they tell nothing of it. */
const FIXED: readonly { readonly place: RegExp; readonly className: RegExp }[] = [
  { place: /(^|\.)se\.activation$/, className: /^ReLU$/ },
  { place: /^stem\.stem\.stem\.\d+$/, className: /^ReLU$/ },
  { place: /\.conv2\.rsoftmax$/, className: /^rSoftMax$/ },
  // TRADES's second copy of the first block, whose weights are left out.
  { place: /^sub_block1(\.|$)/, className: /./ },
];
/** Gates, beside the activation of the network, and where they stand: in squeeze-and-excitation, in attention. */
const GATES = new Set(['Sigmoid', 'Hardsigmoid', 'Softmax']);
const GATED = /(^|\.)(se|\w*attn|mlp)\./;

/** An attribute that all modules of a kind share, and the option that it decides. */
interface SharedAttribute {
  readonly option: keyof ModelOptions;
  /** For the message where they differ. */
  readonly what: string;
  readonly className: RegExp;
  readonly attribute: string;
}

const SHARED: readonly SharedAttribute[] = [
  { option: 'epsilon', what: 'BatchNorms of epsilon', className: /BatchNorm\dd$/, attribute: 'eps' },
  { option: 'layerNormEpsilon', what: 'LayerNorms of epsilon', className: /\bLayerNorm(2d)?$/, attribute: 'eps' },
  { option: 'heads', what: 'attention of heads', className: /\bAttention$/, attribute: 'num_heads' },
  { option: 'patch', what: 'patches of', className: /\bConvPatchEmbed$/, attribute: 'patch_size' },
  { option: 'tokensNorm', what: 'tokens_norm', className: /\bClassAttentionBlock$/, attribute: 'tokens_norm' },
];

const SLOPE: SharedAttribute = {
  option: 'slope',
  what: 'LeakyReLUs of slope',
  // A program may call it anywhere.
  className: /./,
  attribute: 'negative_slope',
};

/**
 * What the modules of a pickled network tell beside its weights: its activation, and what all modules of a kind share.
 * Throws CheckpointError where they name several, or something igd does not know, which no architecture of ours can be.
 */
export function evidenceOf(modules: readonly ModuleInfo[], names: Iterable<string>): ModelOptions {
  const weighted = new Set<string>();
  for (const name of names) for (const path of pathsAbove(name)) weighted.add(path);
  const inside = modules.filter(({ place }) => place === undefined);
  const leaves = inside.filter((info) => !weighted.has(info.path) && info.path !== '' && !isFixed(info));
  for (const info of inside) requireKnownForm(info);
  for (const info of modules) requireKnownCalls(info);
  return {
    ...activationOf(leaves, inside),
    ...poolingOf(inside),
    ...Object.assign({}, ...SHARED.map((kind) => sharedValue(inside, kind))),
  };
}

/** Functions of torch that a program calls outside of activation modules, as `F.silu` becomes one. */
const ACTIVATION_CALLS: ReadonlyMap<string, Activation> = new Map([
  ['relu', 'relu'],
  ['leaky_relu', 'leaky-relu'],
  ['silu', 'silu'],
  ['gelu', 'gelu'],
  ['elu', 'elu'],
  ['softplus', 'softplus'],
]);
/** What no architecture of ours has on its way from the images to the logits. */
const FOREIGN_CALLS =
  /^(softmax|log_softmax|sigmoid|sub|rsub|div|clamp|hardtanh|hardswish|hardsigmoid|mish|prelu|relu6|selu|celu|upsample\w*)_?$/;

/** A wrapper may normalise by the buffers it holds. */
const NORMALISING_CALLS = /^(sub|div)_?$/;

function callsOf({ attributes }: ModuleInfo): string[] {
  return String(attributes.get(CALLS) ?? '').split(' ');
}

/** Throws CheckpointError where the forward of the network itself, or of what holds it, does something else. */
function requireKnownCalls(info: ModuleInfo): void {
  const isAround = info.place === 'around';
  if (!isAround && (info.place !== undefined || info.path !== '')) return;
  const foreign = callsOf(info).find((call) => FOREIGN_CALLS.test(call) && !(isAround && NORMALISING_CALLS.test(call)));
  if (foreign === undefined) return;
  throw new CheckpointError(`its program calls ${foreign}, which igd's architectures do not. ${EXPORT_INSTEAD}`);
}

/** The activations that a TorchScript program calls. */
function calledActivations(modules: readonly ModuleInfo[]): Map<Activation, ModuleInfo> {
  const called = new Map<Activation, ModuleInfo>();
  for (const info of modules) {
    const calls = callsOf(info);
    if (isFixed(info) || ACTIVATION_CLASSES.has(classOf(info))) continue;
    for (const call of calls) {
      const activation = ACTIVATION_CALLS.get(call.replace(/_$/, ''));
      if (activation !== undefined) called.set(activation, info);
    }
  }
  return called;
}

/** What a ViT's head reads, by the name that timm's classes have for it. */
const POOLINGS: ReadonlyMap<ModuleAttribute, ModelOptions['pooling']> = new Map([
  ['token', 'token'],
  ['avg', 'mean'],
]);

function poolingOf(modules: readonly ModuleInfo[]): ModelOptions {
  const transformer = modules.find(({ className }) => /\bVisionTransformer(Distilled)?$/.test(className));
  const said = transformer?.attributes.get('global_pool');
  if (said === undefined) return {};
  const pooling = POOLINGS.get(said);
  if (pooling !== undefined) return { pooling };
  throw new CheckpointError(`has global_pool ${quote(String(said))}, which igd's ViT has not. ${EXPORT_INSTEAD}`);
}

/** timm's blocks with the weights of its usual ones and another order. */
function requireKnownForm({ path, className }: ModuleInfo): void {
  if (!/\bResPostBlock$/.test(className)) return;
  throw new CheckpointError(`its module "${path}" (${className}) normalises behind, igd's in front. ${EXPORT_INSTEAD}`);
}

function isFixed(info: ModuleInfo): boolean {
  return FIXED.some(({ place, className }) => place.test(info.path) && className.test(classOf(info)));
}

function pathsAbove(name: string): string[] {
  const parts = name.split('.');
  return parts.map((_, depth) => parts.slice(0, depth).join('.'));
}

function classOf({ className }: ModuleInfo): string {
  return className.slice(className.lastIndexOf('.') + 1);
}

function activationOf(leaves: readonly ModuleInfo[], inside: readonly ModuleInfo[]): ModelOptions {
  const found = calledActivations(inside);
  const gates: ModuleInfo[] = [];
  for (const leaf of leaves) {
    const name = classOf(leaf);
    const activation = ACTIVATION_CLASSES.get(name);
    if (activation !== undefined) found.set(activation, requireUsual(leaf, name));
    else if (GATES.has(name) && GATED.test(leaf.path)) gates.push(leaf);
    else if (STRUCTURE.test(name)) requireUsual(leaf, name);
    else if (!hasStatistics(leaf)) throw unknown(leaf);
  }
  const [first, second] = [...found];
  if (first === undefined && gates[0] !== undefined) throw unknown(gates[0]);
  if (first === undefined) return {};
  if (second !== undefined) {
    throw new CheckpointError(
      `has modules ${first[1].className} and ${second[1].className}: igd cannot tell which acts where. ${EXPORT_INSTEAD}`,
    );
  }
  const [activation] = first;
  return { activation, ...(activation === 'leaky-relu' && sharedValue(inside, SLOPE)) };
}

function requireUsual(leaf: ModuleInfo, name: string): ModuleInfo {
  for (const [parameter, usual] of Object.entries(PARAMETERS[name] ?? {})) {
    const value = leaf.attributes.get(parameter);
    if (value === undefined || value === usual) continue;
    throw new CheckpointError(
      `has a ${name} with ${parameter} ${String(value)} at "${leaf.path}", which igd's architectures have not. ${EXPORT_INSTEAD}`,
    );
  }
  return leaf;
}

function unknown({ path, className }: ModuleInfo): CheckpointError {
  return new CheckpointError(
    `has a module ${className} at "${path}" without weights: igd does not know what it computes. ${EXPORT_INSTEAD}`,
  );
}

function sharedValue(
  modules: readonly ModuleInfo[],
  { option, what, className, attribute }: SharedAttribute,
): ModelOptions {
  const values = modules
    .filter((info) => className.test(info.className))
    .flatMap(({ attributes }) => attributes.get(attribute) ?? []);
  const [value, other] = [...new Set(values)];
  if (other !== undefined)
    throw new CheckpointError(`has ${what} ${String(value)} and ${String(other)}: igd reads one. ${EXPORT_INSTEAD}`);
  return typeof value === 'number' || typeof value === 'boolean' ? { [option]: value } : {};
}

/** What a convolution is, as an architecture has it and as its module says. */
export interface ConvGeometry {
  readonly stride: number;
  /** `end`: the network pads by itself, and the module says nothing of it. */
  readonly padding: number | 'end';
  readonly groups: number;
}

/** Throws CheckpointError where the module at this place says another stride, padding or dilation than the architecture. */
export function requireGeometry({ path, attributes }: ModuleInfo, wanted: ConvGeometry): void {
  const checks = { ...wanted, dilation: 1 };
  for (const [name, value] of Object.entries(checks)) {
    const said = attributes.get(name);
    const values = typeof said === 'object' ? said : said === undefined ? [] : [said];
    if (value === 'end' || values.every((item) => item === value)) continue;
    throw new CheckpointError(
      `its module "${path}" has ${name} ${values.join(' x ')}, where the architecture has ${value}. ${EXPORT_INSTEAD}`,
    );
  }
  const mode = attributes.get('padding_mode');
  if (mode === undefined || mode === 'zeros') return;
  throw new CheckpointError(
    `its module "${path}" pads by ${String(mode)}, the architecture with zeros. ${EXPORT_INSTEAD}`,
  );
}
