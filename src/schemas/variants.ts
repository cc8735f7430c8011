import { z } from 'zod';

/** What a run evaluates: the model as it is, or one way of masking it. `id` names it in every result. */
export type Variant =
  /** The classifier itself. */
  | { readonly id: 'none'; readonly mask: 'none' }
  /** The control: both passes, all units kept. */
  | { readonly id: 'two-pass'; readonly mask: 'two-pass' }
  /** Units outside the pseudo-label's top k are zeroed. */
  | { readonly id: RankingMethod; readonly mask: 'top-k'; readonly ranking: RankingMethod }
  /** The same on LO-IR masks, faded in with the first pass's confidence above the threshold. */
  | {
      readonly id: `conf@${number}`;
      readonly mask: 'confidence';
      readonly ranking: 'loir';
      readonly threshold: number;
    };

/** How units are ranked: leave-one-out importance, likeness to the class's name by CLIP, or chance as the control. */
export const RANKING_METHODS = ['loir', 'cdir', 'random'] as const;
export type RankingMethod = (typeof RANKING_METHODS)[number];

/** The method a variant's masks come from; undefined where it needs none. */
export function rankingOf(variant: Variant): RankingMethod | undefined {
  return 'ranking' in variant ? variant.ranking : undefined;
}

const threshold = z.number().min(0).lt(1);

const UNKNOWN_VARIANT =
  'is no known variant: use none, two-pass, loir, cdir, random, "conf@0.8" (from 0, below 1) or {"mask": "conf", "thresholds": [...]}';

const named = z.enum(['none', 'two-pass', ...RANKING_METHODS], UNKNOWN_VARIANT).transform((id): Variant[] => {
  if (id === 'none') return [{ id, mask: id }];
  if (id === 'two-pass') return [{ id, mask: id }];
  return [{ id, mask: 'top-k', ranking: id }];
});

const single = z
  .string()
  .regex(/^conf@0(\.\d+)?$/, UNKNOWN_VARIANT)
  .transform((text): Variant[] => [confidence(Number(text.slice('conf@'.length)))]);

const sweep = z
  .strictObject({ mask: z.literal('conf'), thresholds: z.array(threshold).min(1) })
  .transform(({ thresholds }): Variant[] => thresholds.map(confidence));

function confidence(threshold: number): Variant {
  return { id: `conf@${threshold}`, mask: 'confidence', ranking: 'loir', threshold };
}

/** An entry of a config's `variants`: a name, "conf@0.8", or a sweep over thresholds; gives one or more variants. */
export const variantEntrySchema = z.union([named, single, sweep]);
