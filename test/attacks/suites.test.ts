import { describe, expect, it } from 'vitest';
import { createAttack, suiteOf } from '../../src/attacks/suites.ts';
import { ATTACK_NAMES, attackSpecSchema, SUITE_NAMES } from '../../src/contracts/attacks.ts';

const DEFAULTS = { iterations: 100, restarts: 1, eot: 1, start: 'random' };

describe('suites', () => {
  it('apgd is AutoAttack’s two APGDs with every option spelled out', () => {
    expect(suiteOf('apgd')).toEqual([
      { attack: 'apgd-ce', ...DEFAULTS },
      { attack: 'apgd-t', ...DEFAULTS, targets: 9 },
    ]);
  });

  it('may be lists of names and specs', () => {
    expect(suiteOf(['apgd-cw', { attack: 'apgd-t', targets: 3, restarts: 2 }])).toEqual([
      { attack: 'apgd-cw', ...DEFAULTS },
      { attack: 'apgd-t', ...DEFAULTS, targets: 3, restarts: 2 },
    ]);
  });

  it.each(SUITE_NAMES)('%s is made of attacks that can be created, and resolves to itself', (name) => {
    const specs = suiteOf(name);
    expect(suiteOf(specs)).toEqual(specs);
    expect(specs.map((spec) => createAttack(spec).name)).toEqual(specs.map(({ attack }) => attack));
  });

  it.each(ATTACK_NAMES)('%s can be created by name alone', (attack) => {
    expect(createAttack({ attack }).name).toBe(attack);
  });
});

describe('specs', () => {
  it.each([
    ['an unknown attack', { attack: 'pgd' }],
    ['an unknown option', { attack: 'apgd-ce', steps: 10 }],
    ['targets for an attack without', { attack: 'apgd-ce', targets: 9 }],
    ['no iterations', { attack: 'apgd-ce', iterations: 0 }],
    ['half a restart', { attack: 'apgd-t', restarts: 0.5 }],
    ['an unknown start', { attack: 'apgd-t', start: 'zero' }],
  ])('are refused with %s', (_, spec) => {
    expect(attackSpecSchema.safeParse(spec).success).toBe(false);
  });
});
