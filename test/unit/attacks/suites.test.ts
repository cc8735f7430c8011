import { describe, expect, it } from 'vitest';
import { createAttack, resolveSuite } from '../../../src/attacks/suites.ts';
import { ATTACK_NAMES, attackSpecSchema, SUITE_NAMES } from '../../../src/schemas/attacks.ts';

function resolved(suite: Parameters<typeof resolveSuite>[0]['suite'], norm: 'Linf' | 'L1' = 'Linf') {
  return resolveSuite({ suite, threat: { norm }, protocol: 'sequential' });
}

/** As a sequential suite names and groups an attack. */
function named(attack: string) {
  return { attack, name: attack, group: 'all' };
}

const DEFAULTS = { iterations: 100, restarts: 1, eot: 1, start: 'random', multiEpsilon: false };

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

  it('standard, plus and rand are those of AutoAttack', () => {
    const names = (suite: 'standard' | 'plus' | 'rand') => resolved(suite).map(({ name }) => name);
    expect(names('standard')).toEqual(['apgd-ce', 'apgd-t', 'fab-t', 'square']);
    expect(names('plus')).toEqual(['apgd-ce', 'apgd-dlr', 'fab', 'square', 'apgd-t', 'fab-t']);
    expect(resolved('rand')).toMatchObject([
      { attack: 'apgd-ce', eot: 20 },
      { attack: 'apgd-dlr', eot: 20 },
    ]);
    expect(resolved('standard', 'L1')).toMatchObject([
      { restarts: 5 },
      { targets: 5 },
      { targets: 9 },
      { queries: 5000 },
    ]);
  });

  it('individual gives every attack a group of its own', () => {
    const suite = resolveSuite({ suite: 'standard', threat: { norm: 'Linf' }, protocol: 'individual' });
    expect(suite.map(({ group }) => group)).toEqual(['apgd-ce', 'apgd-t', 'fab-t', 'square']);
  });

  it('iw-wc is nine evaluations, six of them made on the undefended model', () => {
    const suite = resolved('iw-wc');
    const groups = new Map(suite.map(({ group, on }) => [group, on]));
    expect(groups.size).toBe(9);
    expect([...groups.values()].filter((on) => on !== undefined)).toEqual(Array(6).fill({ variant: 'none' }));
  });

  it.each(ATTACK_NAMES)('%s can be created by name alone', (attack) => {
    expect(createAttack({ attack }).name).toBe(attack);
  });
});

describe('specs', () => {
  it.each([
    ['an unknown attack', { attack: 'deepfool' }],
    ['an unknown option', { attack: 'apgd-ce', steps: 10 }],
    ['targets for an attack without', { attack: 'apgd-ce', targets: 9 }],
    ['no iterations', { attack: 'apgd-ce', iterations: 0 }],
    ['half a restart', { attack: 'apgd-t', restarts: 0.5 }],
    ['an unknown start', { attack: 'apgd-t', start: 'zero' }],
  ])('are refused with %s', (_, spec) => {
    expect(attackSpecSchema.safeParse(spec).success).toBe(false);
  });
});
