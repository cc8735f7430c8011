import type { Share, VariantReport } from '../contracts/report.ts';

/** Accuracy as one attack, or one group of attacks that begins with all images, leaves it. */
export interface AttackColumn {
  /** "apgd-t", or the group's name. */
  readonly name: string;
  /** "after apgd-t": of a sequence; "under apgd-t": on all images. */
  readonly label: string;
  readonly accuracy: number;
  readonly interval: Share['interval'];
}

/** One column an attack where they run in sequence, else one a group: what its last attack left. */
export function attackColumns({ attacks }: Pick<VariantReport, 'attacks'>): AttackColumn[] {
  const groups = new Map(attacks.map((attack) => [attack.group, attack]));
  const isSequence = groups.size <= 1;
  const shown = isSequence ? attacks : [...groups.values()];
  return shown.map(({ attack, group, robustAccuracy, interval }) => {
    const name = isSequence ? attack : group;
    return { name, label: `${isSequence ? 'after' : 'under'} ${name}`, accuracy: robustAccuracy, interval };
  });
}
