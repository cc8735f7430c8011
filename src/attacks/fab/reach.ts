/**
 * How far a coordinate at `value`, in [0, 1], may go in a direction: -1 is down, 1 up; 0, which goes nowhere, gives
 * something between. Off by 2^-54 at most. A branch would be mispredicted every other time, gradients having random signs.
 */
export function reach(value: number, direction: number): number {
  return 0.5 - direction * (value - 0.5);
}

/** The way a coordinate has to go for w.x to fall, or to rise where `excess` is negative. */
export function sideOf(excess: number): number {
  return excess >= 0 ? -1 : 1;
}
