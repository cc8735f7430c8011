import type { Share, VariantReport } from '../../contracts/report.ts';
import { attackColumns } from '../attack-columns.ts';

/** Accuracy as it falls: clean, after each attack of the suite, and in the worst case. */
export interface Stage {
  readonly name: string;
  readonly kind: 'clean' | 'attack' | 'robust' | 'worst';
  readonly accuracy: number;
  readonly interval: Share['interval'];
}

/** The stages of a variant; the worst case only where another variant's examples can differ from its own. */
export function stagesOf(variant: VariantReport): Stage[] {
  const { clean, robust, attacks, worstCase, transfer } = variant;
  const isSequence = new Set(attacks.map(({ group }) => group)).size <= 1;
  const columns = attackColumns(variant);
  const attacked = columns.map(({ label, accuracy, interval }, place): Stage => {
    const kind = isSequence && place === columns.length - 1 ? 'robust' : 'attack';
    return { name: label, kind, accuracy, interval };
  });
  const all: Stage = { ...robust, name: 'under all', kind: 'robust' };
  const worst: Stage = { ...worstCase, name: 'worst case', kind: 'worst' };
  return [
    { ...clean, name: 'clean', kind: 'clean' },
    ...attacked,
    ...(isSequence ? [] : [all]),
    ...(transfer.length > 1 ? [worst] : []),
  ];
}
