import type { AttackOutcome, UnitGroup } from '../../contracts/analysis.ts';

/** How a reader's eye meets the groups of units and the outcomes of an attack. */
export const GROUP_NAMES: Readonly<Record<UnitGroup, string>> = {
  trueClass: 'true class',
  postAttackClass: 'post-attack class',
  otherClasses: 'other classes',
  unimportant: 'important to none',
};

export const OUTCOME_NAMES: Readonly<Record<AttackOutcome, string>> = {
  successful: 'successful attacks',
  unsuccessful: 'unsuccessful attacks',
};
