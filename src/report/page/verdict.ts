import type { Report, VariantReport } from '../../contracts/report.ts';
import { percent, points, pValue } from '../format.ts';
import { SIGNIFICANCE } from '../statistics.ts';
import { pValueOf } from '../summary/comparisons.ts';

/** The run in two sentences: what the model holds, and what the best defence really adds to that. */
export function verdict({ variants, comparisons }: Report): string {
  const base = variants.find(({ mask }) => mask === 'none');
  const defences = variants.filter((variant) => variant !== base);
  const best = defences.toSorted((a, b) => b.worstCase.accuracy - a.worstCase.accuracy)[0];
  if (base === undefined) return best === undefined ? '' : `${best.id} ${holds(best)}.`;
  const undefended = `Undefended, the model ${holds(base)}.`;
  if (best === undefined) return undefended;
  // The best of several looks good by chance the more there are: Bonferroni's correction.
  const p = Math.min(1, defences.length * pValueOf(comparisons, 'worst-case', base.id, best.id));
  const evidence = `${pValue(p)}${defences.length > 1 ? ` for the best of ${defences.length}` : ''}`;
  const gain = `${points(best.worstCase.accuracy - base.worstCase.accuracy)} points`;
  return (
    `${undefended} In the worst case the best defence, ${best.id}, holds ${percent(best.worstCase.accuracy)} against ` +
    `${percent(base.worstCase.accuracy)}: ${gain}${p < SIGNIFICANCE ? '' : ', which chance may explain'} (${evidence}).`
  );
}

function holds({ clean, robust }: VariantReport): string {
  return `classifies ${percent(clean.accuracy)} of clean images and ${percent(robust.accuracy)} under attack`;
}
