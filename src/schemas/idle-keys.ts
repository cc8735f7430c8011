import { configSchema, type RunConfig } from './config.ts';
import { rankedMask } from './variants.ts';

/** What is left out of a config stands for the usual, which nobody has asked for. */
const USUAL = configSchema.shape.temperature.parse(undefined);

/**
 * What a config says without effect on its run, a line each. They are notes and no contradictions: configs that were run before
 * have them, and an analysis may use what a run does not.
 */
export function idleKeys({ variants, temperature, smoothing, ranking }: RunConfig): string[] {
  const methods = new Set(variants.flatMap((variant) => rankedMask(variant)?.ranking ?? []));
  const unmasked = 'no variant has a mask';
  const idle = [
    { key: 'temperature', given: temperature !== USUAL, why: methods.size === 0 && unmasked },
    { key: 'smoothing', given: smoothing !== null, why: methods.size === 0 && unmasked },
    { key: 'ranking.allowDegenerate', given: ranking.allowDegenerate, why: methods.size === 0 && unmasked },
    { key: 'ranking.signed', given: ranking.signed, why: !methods.has('loir') && 'no variant is ranked by LO-IR' },
    {
      key: 'ranking.file',
      given: ranking.file !== undefined,
      why: !methods.has('loir') && 'no variant is ranked by LO-IR',
    },
    {
      key: 'ranking.clip',
      given: ranking.clip !== undefined,
      why: !methods.has('cdir') && 'no variant is ranked by CLIP',
    },
    {
      key: 'ranking.classNames',
      given: ranking.classNames !== undefined,
      why: !methods.has('cdir') && 'no variant is ranked by CLIP',
    },
  ];
  return idle.flatMap(({ key, given, why }) =>
    given && why !== false ? [`${key} changes nothing of a run: ${why}`] : [],
  );
}
