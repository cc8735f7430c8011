import type { Share, VariantReport } from '../../contracts/report.ts';

/** Accuracy as it falls: clean, after each attack of the suite, and in the worst case. */
export interface Stage {
  readonly name: string;
  readonly kind: 'clean' | 'attack' | 'robust' | 'worst';
  readonly accuracy: number;
  readonly interval: Share['interval'];
}

/** The stages of a variant; the worst case only where another variant's examples can differ from its own. */
export function stagesOf({ clean, attacks, worstCase, transfer }: VariantReport): Stage[] {
  const afterAttacks = attacks.map(({ attack, robustAccuracy, interval }, place): Stage => {
    const kind = place === attacks.length - 1 ? 'robust' : 'attack';
    return { name: `after ${attack}`, kind, accuracy: robustAccuracy, interval };
  });
  const worst: Stage = { ...worstCase, name: 'worst case', kind: 'worst' };
  return [{ ...clean, name: 'clean', kind: 'clean' }, ...afterAttacks, ...(transfer.length > 1 ? [worst] : [])];
}
