import { describe, expect, it } from 'vitest';
import { apgdCheckpoints } from '../../../src/attacks/apgd/apgd-run.ts';
import { StepSize } from '../../../src/attacks/apgd/step-size.ts';

describe('checkpoints', () => {
  it('are those of the paper for 100 iterations', () => {
    expect([...apgdCheckpoints(100)]).toEqual([
      [22, 22],
      [41, 19],
      [57, 16],
      [70, 13],
      [80, 10],
      [87, 7],
      [93, 6],
      [99, 6],
    ]);
  });

  it('come at every step where there are few', () => {
    expect([...apgdCheckpoints(4)]).toEqual([1, 2, 3, 4].map((step) => [step, 1]));
    expect([...apgdCheckpoints(1)]).toEqual([[1, 1]]);
  });
});

describe('StepSize', () => {
  /** The sizes after each of these periods of losses. */
  function sizes(start: number, periods: readonly (readonly number[])[]): number[] {
    const step = new StepSize(8);
    step.start(start);
    return periods.map((losses) => {
      for (const loss of losses) step.record(loss);
      step.check(losses.length);
      return step.size;
    });
  }

  it('stays while the loss rises in more than three quarters of the steps', () => {
    expect(
      sizes(1, [
        [2, 3, 4, 5],
        [6, 7, 8, 9],
      ]),
    ).toEqual([8, 8]);
  });

  it('halves where it rises in three quarters or fewer', () => {
    expect(sizes(1, [[2, 3, 4, 3]])).toEqual([4]);
    expect(
      sizes(1, [
        [2, 3, 4, 5],
        [6, 5, 7, 8],
      ]),
    ).toEqual([8, 4]);
  });

  it('halves where it was kept and the best loss has not moved since', () => {
    expect(sizes(9, [[2, 3, 4, 5]])).toEqual([8]);
    expect(
      sizes(9, [
        [2, 3, 4, 5],
        [6, 7, 8, 8.5],
      ]),
    ).toEqual([8, 4]);
    expect(
      sizes(9, [
        [2, 3, 4, 5],
        [6, 7, 8, 9.5],
      ]),
    ).toEqual([8, 8]);
  });

  it('does not halve for that twice in a row', () => {
    expect(
      sizes(9, [
        [2, 3, 4, 5],
        [6, 7, 8, 8.5],
        [8.6, 8.7, 8.8, 8.9],
      ]),
    ).toEqual([8, 4, 4]);
  });

  it('measures the first step from zero, as the original does, whatever the start', () => {
    expect(sizes(-5, [[-4, -3, -2, -1]])).toEqual([4]);
    expect(sizes(3, [[2, 2.1, 2.2, 2.3]])).toEqual([8]);
  });

  it('takes only a better loss for the best, and none for better than NaN only if it is NaN', () => {
    const step = new StepSize(1);
    step.start(Number.NaN);
    expect(step.record(Number.NaN)).toBe(false);
    expect(step.record(-3)).toBe(true);
    expect(step.record(-3)).toBe(false);
    expect(step.record(-2)).toBe(true);
    expect(step.record(Number.NaN)).toBe(false);
    expect(step.record(-1)).toBe(true);
  });
});
