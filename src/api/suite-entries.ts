import type { Attack, AttackContext, AttackPoints, ThreatModel } from '../attacks/core/attack.ts';
import { craftedOnce, createAttack, resolveSuite, type SuiteAttack } from '../attacks/suites.ts';
import { InputError } from '../errors.ts';
import type { SuiteEntry } from '../evaluation/protocol.ts';
import {
  type AttackName,
  type AttackSpec,
  attackEntrySchema,
  normProblem,
  PROTOCOLS,
  type Protocol,
  SUITE_NAMES,
  type SuiteName,
} from '../schemas/attacks.ts';
import { UNDEFENDED } from '../schemas/variants.ts';
import { describe, parsed } from './arguments.ts';
import type { Surrogates } from './surrogates.ts';

/** An attack: a name, a name with options as in a config, or an attack of your own that `defineAttack` has made. */
export type AttackChoice = AttackName | AttackSpec | Attack;

/** Which attacks run; one of `attack` and `suite` is to be given. */
export interface SuiteChoice {
  /** One attack. */
  readonly attack?: AttackChoice;
  /** Attacks in order: a suite by name ("standard" is AutoAttack), or a list. */
  readonly suite?: SuiteName | readonly AttackChoice[];
  /** `sequential` (default): an attack sees the images that those before it left robust. `individual`: all of them. */
  readonly protocol?: Protocol;
}

/** The attacks of a choice as the protocol takes them. Throws ConfigError or InputError where one does not fit. */
export function suiteEntries(choice: SuiteChoice, threat: ThreatModel, surrogates: Surrogates): SuiteEntry[] {
  const { attack, suite, protocol = 'sequential' } = choice;
  if ((attack === undefined) === (suite === undefined)) throw new InputError('give one of "attack" and "suite"');
  if (!PROTOCOLS.includes(protocol))
    throw new InputError(`protocol is ${describe(protocol)}: give one of ${PROTOCOLS.join(', ')}`);
  const resolved = attack === undefined ? wholeSuite(suite, threat, protocol) : [one(attack, threat, protocol)];
  const names = resolved.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new InputError(`suite: has two attacks named "${twice}": give one another "name"`);
  return resolved
    .filter((entry) => 'own' in entry || !isLeftOut(entry, surrogates))
    .map((entry) => entryOf(entry, threat, surrogates));
}

/** An attack of the package, or somebody else's. */
type Resolved = SuiteAttack | { readonly name: string; readonly group: string; readonly own: Attack };

function wholeSuite(suite: SuiteChoice['suite'], threat: ThreatModel, protocol: Protocol): Resolved[] {
  if (Array.isArray(suite)) {
    if (suite.length === 0) throw new InputError('suite: is empty; name an attack');
    return suite.map((choice) => one(choice, threat, protocol));
  }
  const name = SUITE_NAMES.find((known) => known === suite);
  if (name === undefined)
    throw new InputError(`suite is ${describe(suite)}: give one of ${SUITE_NAMES.join(', ')}, or a list of attacks`);
  return resolveSuite({ suite: name, threat, protocol });
}

function one(choice: AttackChoice, threat: ThreatModel, protocol: Protocol): Resolved {
  if (isAttack(choice)) {
    const { name } = choice;
    return { name, group: protocol === 'individual' ? name : 'all', own: checked(choice) };
  }
  const spec = parsed(attackEntrySchema, choice, 'attack');
  const [resolved] = resolveSuite({ suite: [spec], threat, protocol });
  if (resolved === undefined) throw new InputError('attack: is none');
  return resolved;
}

/** A model without a defence is a run's variant `none`. */
function isLeftOut({ except = [] }: SuiteAttack, { isUndefended }: Surrogates): boolean {
  return isUndefended && except.includes(UNDEFENDED.id);
}

function entryOf(resolved: Resolved, threat: ThreatModel, surrogates: Surrogates): SuiteEntry {
  const { group } = resolved;
  if ('own' in resolved) return { attack: resolved.own, group };
  const problem = normProblem(resolved, threat.norm);
  if (problem !== null) throw new InputError(`attack: ${problem}`);
  const { on, sees } = resolved;
  const entry = { attack: createAttack(resolved), group, ...(sees && { sees }) };
  // What is made on the undefended model once is made on that model itself, where it is the one evaluated.
  const isOwn = on === undefined || (craftedOnce(resolved) === UNDEFENDED.id && surrogates.isUndefended);
  return isOwn ? entry : { ...entry, craftedOn: surrogates.opener(on) };
}

function isAttack(choice: AttackChoice): choice is Attack {
  return typeof choice === 'object' && choice !== null && 'run' in choice && 'cost' in choice && 'name' in choice;
}

/** Somebody else's attack, whose arrays have to have the lengths they should before anything is read from them. */
function checked(attack: Attack): Attack {
  const { name } = attack;
  if (typeof name !== 'string' || name === '')
    throw new InputError(`an attack's name is ${describe(name)}: give it one`);
  return {
    name,
    cost: (classes) => attack.cost(classes),
    async run(points: AttackPoints, context: AttackContext) {
      const candidates = await attack.run(points, context);
      const { x, broken } = candidates ?? {};
      const fits = x instanceof Float32Array && x.length === points.x.length && broken?.length === points.images.length;
      if (fits) return candidates;
      throw new InputError(
        `attack "${name}" gave no candidates { x [n, C, H, W], broken [n] } for its ${points.images.length} images`,
      );
    },
  };
}
