import { describe, expect, it } from 'vitest';
import { createAttack, suiteOf } from '../../src/attacks/suites.ts';
import { ATTACK_NAMES, attackSpecSchema, SUITE_NAMES } from '../../src/contracts/attacks.ts';

function resolved(suite: Parameters<typeof suiteOf>[0]['suite'], norm: 'Linf' | 'L1' = 'Linf') {
  return suiteOf({ suite, threat: { norm }, protocol: 'sequential' });
}

/** As a sequential suite names and groups an attack. */
function named(attack: string) {
  return { attack, name: attack, group: 'all' };
}

const DEFAULTS = { iterations: 100, restarts: 1, eot: 1, start: 'random' };

describe('suites', () => {
  it('apgd is AutoAttack’s two APGDs with every option spelled out', () => {
    expect(resolved('apgd')).toEqual([
      { ...named('apgd-ce'), ...DEFAULTS },
      { ...named('apgd-t'), ...DEFAULTS, targets: 9 },
    ]);
  });

  it('may be lists of names and specs', () => {
    expect(resolved([{ attack: 'apgd-cw' }, { attack: 'apgd-t', targets: 3, restarts: 2 }])).toEqual([
      { ...named('apgd-cw'), ...DEFAULTS },
      { ...named('apgd-t'), ...DEFAULTS, targets: 3, restarts: 2 },
    ]);
  });

  it.each(SUITE_NAMES)('%s is made of attacks that can be created, and resolves to itself', (name) => {
    const specs = resolved(name);
    expect(resolved(specs)).toEqual(specs);
    expect(specs.map((spec) => createAttack(spec).name)).toEqual(specs.map(({ name }) => name));
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
