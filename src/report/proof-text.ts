import { type ModelProof, PROOF_CHECKS } from '../schemas/proof.ts';
import { counted, list } from './format.ts';

/**
 * What proofs of one or several models found, at worst: "6 images, 0.4 s; relative differences: optimisation 3e-7,
 * neighbours 0".
 */
export function proofText(proofs: readonly ModelProof[]): string {
  const [first] = proofs;
  if (first === undefined) return 'not proven';
  const fewest = Math.min(...proofs.map(({ images }) => images));
  const seconds = proofs.reduce((sum, proof) => sum + proof.seconds, 0);
  const found = PROOF_CHECKS.flatMap((check) => {
    const differences = proofs.flatMap(({ checks }) => checks.filter((one) => one.check === check));
    const worst = Math.max(...differences.map(({ difference }) => difference));
    return differences.length === 0 ? [] : [`${check} ${worst === 0 ? '0' : worst.toExponential(0)}`];
  });
  const each = proofs.length === 1 ? '' : ' each';
  return `${counted(fewest, 'image')}${each}, ${seconds.toFixed(1)} s; relative differences: ${list(found)}`;
}
