import { PROOF_CHECKS, type TimelessProof } from '../schemas/proof.ts';
import { counted, list } from './format.ts';

/**
 * What proofs of one or several models found, at worst: "6 images, 0.4 s; relative differences: optimisation 3e-7,
 * neighbours 0"; without the time where it is not known.
 */
export function proofText(proofs: readonly (TimelessProof & { readonly seconds?: number })[]): string {
  const [first] = proofs;
  if (first === undefined) return 'not proven';
  const fewest = Math.min(...proofs.map(({ images }) => images));
  const times = proofs.flatMap(({ seconds = [] }) => seconds);
  const time = times.length === 0 ? '' : `, ${times.reduce((sum, seconds) => sum + seconds, 0).toFixed(1)} s`;
  const found = PROOF_CHECKS.flatMap((check) => {
    const differences = proofs.flatMap(({ checks }) => checks.filter((one) => one.check === check));
    const worst = Math.max(...differences.map(({ difference }) => difference));
    return differences.length === 0 ? [] : [`${check} ${worst === 0 ? '0' : worst.toExponential(0)}`];
  });
  const each = proofs.length === 1 ? '' : ' each';
  return `${counted(fewest, 'image')}${each}${time}; relative differences: ${list(found)}`;
}
