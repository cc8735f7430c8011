import type { ModuleInfo } from '../checkpoints/module-info.ts';
import { CALLS } from '../checkpoints/torch/script-code.ts';
import type { PoolGeometry, Pools } from './pools.ts';

/** Average pooling of the last maps. */
const LAST = /^(head\.)?(\w*avg_?pool\w*|global_pool|gap|pool|pooling)(\.pool)?$/i;
/** That of ResNeSt's blocks. */
const IN_BLOCK = /(^|\.)(avd_layer|downsample\.0)$/;
/** Windows of a pixel each: what they give is what they read. */
const IDLE: PoolGeometry = { kernel_size: 1, stride: 1, padding: 0 };

/** What a pooling module of a file does that the network built of it does not; undefined where they do the same. */
export function poolProblem(info: ModuleInfo, name: string, pools: Pools): string | undefined {
  if (/Max/.test(name)) {
    const pool = pools.maxima.get(info.path);
    if (pool === undefined) return 'takes a maximum where the architecture has none';
    return misfit(info, { ...pool, dilation: 1, ceil_mode: false });
  }
  if (IN_BLOCK.test(info.path)) {
    const pool = pools.averages.get(info.path) ?? IDLE;
    return misfit(info, { ...pool, ...(pool.padding > 0 && { count_include_pad: true }) });
  }
  if (!LAST.test(info.path) && !isLastOfFeatures(info.path, pools)) return 'stands where the architecture has no mean';
  return averageProblem(info, pools);
}

/** The same of what a TorchScript program calls outside of its pooling modules. */
export function calledAverageProblem(info: ModuleInfo, pools: Pools): string | undefined {
  const calls = String(info.attributes.get(CALLS) ?? '').split(' ');
  if (/Pool\w*$/.test(info.className) || !calls.some((call) => /^(adaptive_)?avg_pool2d$/.test(call))) return undefined;
  if (info.path === '') return averageProblem(info, pools);
  return calls.includes('avg_pool2d') ? 'averages windows where the architecture has no mean' : undefined;
}

function misfit({ attributes }: ModuleInfo, wanted: Readonly<Record<string, number | boolean>>): string | undefined {
  for (const [key, value] of Object.entries(wanted)) {
    const said = attributes.get(key);
    const values = typeof said === 'object' ? said : said === undefined ? [] : [said];
    if (values.some((item) => item !== value))
      return `has ${key} ${values.join(' x ')}, where the architecture has ${value}`;
  }
  return undefined;
}

/**
 * AvgPool2d(k) leaves one pixel of every map smaller than 2k x 2k, and that is the mean of the map only where it is k x k: the rest of a
 * larger one is not looked at.
 */
function averageProblem(info: ModuleInfo, { last }: Pools): string | undefined {
  const [size, window] = [sidesOf(info, 'output_size'), sidesOf(info, 'kernel_size')];
  const idle = [...(sidesOf(info, 'padding') ?? []), info.attributes.get('divisor_override') ?? 0];
  for (const { map, pooled } of last) {
    const does = pooled.join() === map.join() ? 'leaves them as they are' : 'averages them whole';
    const problem = (what: string) =>
      `${what} maps of ${map.join(' x ')}, where the architecture ${does}: are these images of the size it was made for?`;
    if (size !== undefined && size.join() !== pooled.join()) return problem(`makes ${size.join(' x ')} of`);
    if (window === undefined) continue;
    const isSame = pooled.join() === '1,1' ? window.join() === map.join() : [...window, ...stepsOf(info)].every(isOne);
    if (!isSame || idle.some((value) => value !== 0)) return problem(`averages windows of ${window.join(' x ')} of`);
  }
  return undefined;
}

/** Height and width, which are one number where they are the same. */
function sidesOf({ attributes }: ModuleInfo, key: string): readonly number[] | undefined {
  const said = attributes.get(key);
  if (typeof said === 'number') return [said, said];
  return typeof said === 'object' && said.length > 0 ? said : undefined;
}

/** Strides are the sides of the window where they are not said. */
function stepsOf(info: ModuleInfo): readonly number[] {
  return sidesOf(info, 'stride') ?? [];
}

function isOne(side: number): boolean {
  return side === 1;
}

/** Behind the last pooling of a row of layers. */
function isLastOfFeatures(path: string, { maxima }: Pools): boolean {
  const index = (module: string) => Number(/^features\.(\d+)$/.exec(module)?.[1] ?? Number.NaN);
  return maxima.size > 0 && [...maxima.keys()].every((module) => index(module) < index(path));
}
