import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ThreatModel } from '../../../../src/attacks/core/attack.ts';
import type { AttackSetup } from '../../../../src/attacks/core/per-image-attack.ts';
import { ofNorm } from '../../../../src/attacks/norms/threat-model.ts';
import { PROPOSALS, SquareRun } from '../../../../src/attacks/square/square.ts';
import type { RandomSource } from '../../../../src/numeric/random.ts';

/** What the original asked about, given random numbers and answers: see make-square.py beside the fixture. */
interface Trajectory extends ThreatModel {
  readonly clean: readonly number[];
  /** All that it drew, in order. */
  readonly uniforms: readonly number[];
  /** Margin of the label over the other class, at each step. */
  readonly margins: readonly number[];
  readonly shown: readonly { readonly step: number; readonly x: readonly number[] }[];
}

interface Fixture {
  readonly shape: readonly [number, number, number];
  readonly walks: readonly Trajectory[];
}

const fixture: Fixture = JSON.parse(
  readFileSync(new URL('../../../fixtures/attacks/square.json', import.meta.url), 'utf8'),
);

describe.each(fixture.walks)(
  'Square beside the original: $norm',
  ({ norm, epsilon, clean, uniforms, margins, shown }) => {
    it('asks about the same points, given the same random numbers and answers', () => {
      const { stream, drawn } = player(uniforms);
      const asked: Float32Array[] = [];
      const attack = attackOf({ norm, epsilon }, Float32Array.from(clean), stream, margins.length - 1);
      while (attack.next !== undefined) {
        asked.push(attack.next.x.slice());
        const logits = Float32Array.of(margins[asked.length - 1]!, 0);
        expect(attack.update({ logits, loss: Number.NaN, gradient: new Float32Array() })).toBeUndefined();
      }
      expect(asked).toHaveLength(margins.length);
      expect(drawn()).toBe(uniforms.length);
      for (const { step, x } of shown) expect(largestGap(asked[step]!, x)).toBeLessThan(1e-6);
    });
  },
);

function attackOf(threat: ThreatModel, clean: Float32Array, stream: RandomSource, queries: number): SquareRun {
  // For a randomised model no question is left out.
  const model = { classes: 2, imageSize: clean.length, imageShape: fixture.shape, randomised: true };
  const setup: AttackSetup = { threat, model };
  return new SquareRun(
    { label: 0, queries, randomised: true },
    ofNorm(PROPOSALS, threat.norm, 'square')(setup)({ clean, stream }),
  );
}

/** A stream that gives recorded numbers in turn. */
function player(uniforms: readonly number[]): { stream: RandomSource; drawn: () => number } {
  let next = 0;
  const uniform = () => uniforms[next++]!;
  const integer = (bound: number) => Math.floor(uniform() * bound);
  const stream = { uniform, integer, normal: () => Number.NaN };
  return { stream, drawn: () => next };
}

function largestGap(actual: Float32Array, expected: readonly number[]): number {
  return expected.reduce((largest, value, k) => Math.max(largest, Math.abs(actual[k]! - value)), 0);
}
