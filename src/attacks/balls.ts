import { ConfigError } from '../contracts/errors.ts';
import type { ThreatModel } from './attack.ts';
import type { Balls } from './ball.ts';
import { l2Balls } from './l2-ball.ts';
import { linfBalls } from './linf-ball.ts';

/** Balls by norm; `epsilon` is a float32 number. A norm is one file and one line here. */
const BALLS: Partial<Record<ThreatModel['norm'], (epsilon: number, imageSize: number) => Balls>> = {
  Linf: linfBalls,
  L2: l2Balls,
};

/** The balls of a threat model, for images of `imageSize` numbers. Throws ConfigError where the attack lacks the norm. */
export function ballsOf(threat: ThreatModel, imageSize: number, attack: string): Balls {
  const create = BALLS[threat.norm];
  if (create === undefined)
    throw new ConfigError(
      `${attack} has no ${threat.norm} norm: set threat.norm to one of ${Object.keys(BALLS).join(', ')}`,
    );
  return create(Math.fround(threat.epsilon), imageSize);
}
