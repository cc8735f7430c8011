/** One climb of an attack: so many steps within this radius, looking back every `period` of them. */
export interface Stage {
  readonly radius: number;
  readonly iterations: number;
  readonly period: number;
}

/** Share of a climb's steps between checkpoints, `autopgd_base.py` of fra31/auto-attack. */
const PERIOD = 0.04;

/** Radii in units of epsilon with their shares of the steps (arXiv:2103.01208 section 4.2, `use_largereps`). */
const SHRINKING = [
  { radius: 3, share: 0.3 },
  { radius: 2, share: 0.3 },
  { radius: 1, share: 0.4 },
];

/** All steps at epsilon, or first some at larger radii, from where the later ones find better points. */
export function stagesOf(epsilon: number, iterations: number, multiEpsilon: boolean): readonly Stage[] {
  if (!multiEpsilon) return [stage(epsilon, iterations)];
  let left = iterations;
  return SHRINKING.map(({ radius, share }) => {
    const steps = radius === 1 ? left : Math.min(Math.ceil(share * iterations), left);
    left -= steps;
    return stage(radius * epsilon, steps);
  });
}

function stage(radius: number, iterations: number): Stage {
  return { radius, iterations, period: Math.max(Math.trunc(PERIOD * iterations), 1) };
}
