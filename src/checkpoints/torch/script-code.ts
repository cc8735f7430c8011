import type { ModuleAttribute } from '../module-info.ts';

/**
 * What the program of a TorchScript archive says of its modules: a class for each, whose constants and calls are literals. It is
 * searched as text; nothing of it is run.
 */

/** Attributes by the name of the class: "__torch__.torch.nn.modules.conv.___torch_mangle_0.Conv2d". */
export type ScriptClasses = ReadonlyMap<string, ReadonlyMap<string, ModuleAttribute>>;

/** The functions of torch that a class calls, as an attribute: "relu flatten". */
export const CALLS = 'torchscript_calls';

const LIST = String.raw`(\[[\d, ]*\])`;
const NUMBER = String.raw`(-?[\d.]+(?:e[+-]?\d+)?)`;

/** Arguments of a traced call and the attributes that a module has for them; scripted classes name theirs. */
const LITERALS: readonly { readonly call: RegExp; readonly attributes: readonly string[] }[] = [
  {
    call: new RegExp(String.raw`torch\._convolution\([^[\]]{0,500}, ${LIST}, ${LIST}, ${LIST}`),
    attributes: ['stride', 'padding', 'dilation'],
  },
  { call: /torch\.pad\([^"\n]{0,500}"(\w+)"/, attributes: ['padding_mode'] },
  {
    call: new RegExp(String.raw`torch\.batch_norm\(.{0,500}, (?:True|False), ${NUMBER}, ${NUMBER}, (?:True|False)\)`),
    attributes: ['momentum', 'eps'],
  },
  { call: new RegExp(String.raw`torch\.layer_norm\(.{0,500}, ${NUMBER}(?:, (?:True|False))?\)`), attributes: ['eps'] },
  { call: new RegExp(String.raw`torch\.leaky_relu_?\(\w+, ${NUMBER}\)`), attributes: ['negative_slope'] },
  { call: new RegExp(String.raw`torch\.elu_?\(\w+, ${NUMBER}`), attributes: ['alpha'] },
  { call: new RegExp(String.raw`torch\.softplus\(\w+, ${NUMBER}, ${NUMBER}\)`), attributes: ['beta', 'threshold'] },
  { call: /torch\.gelu\(\w+, approximate="(\w+)"\)/, attributes: ['approximate'] },
  {
    call: new RegExp(String.raw`torch\.max_pool2d\(\w+, ${LIST}, ${LIST}, ${LIST}, ${LIST}(?:, (True|False))?`),
    attributes: ['kernel_size', 'stride', 'padding', 'dilation', 'ceil_mode'],
  },
  // Behind the maximum: the call whose windows are held against maps.
  {
    call: new RegExp(
      String.raw`torch\.avg_pool2d\([^[\]]{0,500}, ${LIST}(?:, (?:annotate\(List\[int\], )?${LIST}\)?(?:, ${LIST})?)?`,
    ),
    attributes: ['kernel_size', 'stride', 'padding'],
  },
  { call: new RegExp(String.raw`torch\.adaptive_avg_pool2d\([^[\]]{0,500}, ${LIST}`), attributes: ['output_size'] },
];

const CONSTANT = /^ {2}(\w+) : Final\[[^\n]*\] = (.+)$/gm;

/** The classes in one file of a program; `path` is below the archive's `code/`: "__torch__/torch/nn/modules/conv.py". */
export function classesIn(path: string, text: string): [string, Map<string, ModuleAttribute>][] {
  const module = path.replace(/\.py$/, '').replaceAll('/', '.');
  const parts = text.split(/^class (\w+)\(.*$/m).slice(1);
  const classes: [string, Map<string, ModuleAttribute>][] = [];
  for (let i = 0; i + 1 < parts.length; i += 2) classes.push([`${module}.${parts[i]}`, attributesOf(parts[i + 1]!)]);
  return classes;
}

function attributesOf(body: string): Map<string, ModuleAttribute> {
  const attributes = new Map<string, ModuleAttribute>();
  for (const { call, attributes: names } of LITERALS) {
    const found = call.exec(body);
    for (const [place, name] of names.entries()) {
      const value = found?.[place + 1];
      if (value !== undefined) attributes.set(name, literal(value));
    }
  }
  for (const [, name, value] of body.matchAll(CONSTANT)) attributes.set(name!, literal(value!));
  const calls = new Set(Array.from(body.matchAll(/\btorch\.(\w+)\(/g), ([, name]) => name!));
  if (calls.size > 0) attributes.set(CALLS, [...calls].join(' '));
  return attributes;
}

/** "[2, 2]", "(2, 2)", "0.2", "True", "reflect" or "\"reflect\"". */
function literal(text: string): ModuleAttribute {
  if (text === 'True' || text === 'False') return text === 'True';
  if (/^[[(]/.test(text)) return (text.match(/-?[\d.]+(?:e[+-]?\d+)?/g) ?? []).map(Number);
  const number = Number(text);
  return Number.isNaN(number) ? text.replaceAll('"', '') : number;
}
