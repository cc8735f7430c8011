import { quoteSome } from '../checkpoints/messages.ts';
import type { StateDict } from '../checkpoints/weights.ts';
import { CheckpointError } from '../errors.ts';
import type { Tensor } from '../numeric/tensor.ts';
import { type Architecture, namesBelow } from './network-builder.ts';

/** A network in a state dict: its architecture, its weights by the names that gives them, and what lies outside. */
export interface LocatedNetwork {
  readonly architecture: Architecture;
  /** What stands in front of its names: `student.`, or nothing. */
  readonly prefix: string;
  readonly state: StateDict;
  readonly rest: StateDict;
}

/** Modules in front of a network are seldom nested deeper: `module.attacker.model.`. */
const DEEPEST_PREFIX = 4;

/**
 * Finds the network: the shortest prefix under which an architecture recognises the names of the weights. Undefined where
 * none does. Throws CheckpointError where the names hold several networks side by side, of which none is chosen for the user.
 */
export function locateNetwork(state: StateDict, architectures: readonly Architecture[]): LocatedNetwork | undefined {
  for (const prefixes of prefixesByDepth(state)) {
    const found = prefixes.flatMap((prefix) => {
      const architecture = architectures.find((candidate) => candidate.recognises(namesBelow(state, prefix)));
      return architecture === undefined ? [] : [{ architecture, prefix }];
    });
    if (found.length > 1) {
      const names = found.map(({ prefix }) => prefix.slice(0, -1));
      throw new CheckpointError(
        `holds ${found.length} networks side by side, under ${quoteSome(names, 5)}: say which to read (stateDict, --state-dict)`,
      );
    }
    const [network] = found;
    if (network !== undefined) return { ...network, ...split(state, network.prefix) };
  }
  return undefined;
}

/** '', then every module that holds others, by how deep it lies. */
function prefixesByDepth(state: StateDict): string[][] {
  const levels = Array.from({ length: DEEPEST_PREFIX + 1 }, () => new Set<string>());
  for (const name of state.keys()) {
    const parts = name.split('.');
    for (let depth = 0; depth <= DEEPEST_PREFIX && depth < parts.length; depth++)
      levels[depth]!.add(
        parts
          .slice(0, depth)
          .map((part) => `${part}.`)
          .join(''),
      );
  }
  return levels.map((level) => [...level]);
}

function split(all: StateDict, prefix: string): { state: StateDict; rest: StateDict } {
  const state = new Map<string, Tensor>();
  const rest = new Map<string, Tensor>();
  for (const [name, tensor] of all) {
    if (name.startsWith(prefix)) state.set(name.slice(prefix.length), tensor);
    else rest.set(name, tensor);
  }
  return { state, rest };
}
