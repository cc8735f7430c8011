import { z } from 'zod';

/** How units are ranked: leave-one-out importance, likeness to the class's name by CLIP, or chance as the control. */
export const RANKING_METHODS = ['loir', 'cdir', 'random'] as const;
/** How units are ranked: `loir`, `cdir` or `random`. */
export type RankingMethod = (typeof RANKING_METHODS)[number];

/** Of what a config may say, what scores depend on besides the model and its layer. */
export type RankingInput = 'probe' | 'labels' | 'signed' | 'clip' | 'seed';

const RANKING_INPUTS: Readonly<Record<RankingMethod, readonly RankingInput[]>> = {
  loir: ['probe', 'labels', 'signed'],
  cdir: ['probe', 'clip'],
  random: ['seed'],
};

/** Whether the scores of a method depend on it. */
export function rankingUses(method: RankingMethod, input: RankingInput): boolean {
  return RANKING_INPUTS[method].includes(input);
}

/** Which units a variant keeps, and where. Whoever has one has all that masking needs. */
export type Mask =
  /** The control: both passes, all units kept. */
  | { readonly kind: 'two-pass'; readonly layer: string }
  /** Units outside the pseudo-label's top k are zeroed. */
  | {
      readonly kind: 'top-k';
      readonly layer: string;
      /** k: units each class keeps. */
      readonly importantUnits: number;
      readonly ranking: RankingMethod;
    }
  /** The same on LO-IR masks, faded in with the first pass's confidence above the threshold. */
  | {
      readonly kind: 'confidence';
      readonly layer: string;
      readonly importantUnits: number;
      readonly ranking: 'loir';
      readonly threshold: number;
    };
export type RankedMask = Extract<Mask, { readonly ranking: RankingMethod }>;

/** What a run evaluates: one way of masking the model or, without a mask, the model as it is. `id` names it in every result. */
export interface Variant {
  readonly id: string;
  readonly mask: Mask | null;
}

/** The undefended model, under the name that every run knows it by. */
export const UNDEFENDED: Variant = { id: 'none', mask: null };

/** What reports call the kind of a variant. */
export const MASK_KINDS = ['none', 'two-pass', 'top-k', 'confidence'] as const;
export type MaskKind = (typeof MASK_KINDS)[number];

export function maskKind({ mask }: Variant): MaskKind {
  return mask === null ? 'none' : mask.kind;
}

/** The mask of a variant whose units are ranked; undefined where it needs no ranking. */
export function rankedMask({ mask }: Variant): RankedMask | undefined {
  return mask !== null && 'ranking' in mask ? mask : undefined;
}

/** A variant as a config names it: where and how much to mask is said once, beside the list. */
export type VariantEntry =
  | { readonly id: 'none'; readonly mask: 'none' }
  | { readonly id: 'two-pass'; readonly mask: 'two-pass' }
  | { readonly id: RankingMethod; readonly mask: 'top-k'; readonly ranking: RankingMethod }
  | {
      readonly id: `conf@${number}`;
      readonly mask: 'confidence';
      readonly ranking: 'loir';
      readonly threshold: number;
    };

/** The variant an entry stands for with the config's layer and k; undefined where it masks and one of them is missing. */
export function variantOf(
  entry: VariantEntry,
  { layer, importantUnits }: { readonly layer?: string | undefined; readonly importantUnits?: number | undefined },
): Variant | undefined {
  const { id } = entry;
  if (entry.mask === 'none') return { id, mask: null };
  if (layer === undefined) return undefined;
  if (entry.mask === 'two-pass') return { id, mask: { kind: 'two-pass', layer } };
  if (importantUnits === undefined) return undefined;
  const { ranking } = entry;
  if (entry.mask === 'top-k') return { id, mask: { kind: 'top-k', layer, importantUnits, ranking } };
  return {
    id,
    mask: { kind: 'confidence', layer, importantUnits, ranking: entry.ranking, threshold: entry.threshold },
  };
}

/** The entry that stands for a variant: what plans of every edition are named after. */
export function entryOf({ id, mask }: Variant): Record<string, unknown> {
  if (mask === null) return { id, mask: 'none' };
  if (mask.kind === 'two-pass') return { id, mask: mask.kind };
  const { kind, ranking } = mask;
  return { id, mask: kind, ranking, ...(kind === 'confidence' ? { threshold: mask.threshold } : {}) };
}

const threshold = z.number().min(0).lt(1);

const UNKNOWN_VARIANT =
  `is no known variant: use none, two-pass, ${RANKING_METHODS.join(', ')}, ` +
  '"conf@0.8" (from 0, below 1) or {"mask": "conf", "thresholds": [...]}';

const named = z.enum(['none', 'two-pass', ...RANKING_METHODS], UNKNOWN_VARIANT).transform((id): VariantEntry[] => {
  if (id === 'none') return [{ id, mask: id }];
  if (id === 'two-pass') return [{ id, mask: id }];
  return [{ id, mask: 'top-k', ranking: id }];
});

const single = z
  .string()
  .regex(/^conf@0(\.\d+)?$/, UNKNOWN_VARIANT)
  .transform((text): VariantEntry[] => [confidence(Number(text.slice('conf@'.length)))]);

const thresholds = z
  .strictObject({ mask: z.literal('conf'), thresholds: z.array(threshold).min(1) })
  .transform(({ thresholds }): VariantEntry[] => thresholds.map(confidence));

function confidence(threshold: number): VariantEntry {
  return { id: `conf@${threshold}`, mask: 'confidence', ranking: 'loir', threshold };
}

/** An entry of a config's `variants`: a name, "conf@0.8", or a list of thresholds; gives one or more variants. */
export const variantEntrySchema = z.union([named, single, thresholds]);
