import type { Attack, AttackContext, AttackPoints, Candidates, SavedAttack } from '../../../src/attacks/core/attack.ts';

/** Runs an attack that is killed after so many evaluations, and gone on with from a copy of what it saved last. */
export async function interrupted(
  attack: Attack,
  points: AttackPoints,
  context: AttackContext,
  evaluations: number,
): Promise<Candidates> {
  let saved: SavedAttack | undefined;
  let left = evaluations;
  const checkpoint: AttackContext['checkpoint'] = (save) => {
    if (left-- > 0) return undefined;
    saved = structuredClone(save());
    throw new Killed();
  };
  try {
    return await attack.run(points, { ...context, checkpoint });
  } catch (error) {
    if (!(error instanceof Killed) || saved === undefined) throw error;
    return await attack.run(points, { ...context, saved });
  }
}

class Killed extends Error {}
