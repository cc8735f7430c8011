import { expect, test } from 'vitest';
import { idleKeys } from '../../../src/schemas/idle-keys.ts';
import { parseConfig } from '../../../src/schemas/parse-config.ts';
import { smallConfig } from '../../support/cli.ts';

const idle = (changes: Record<string, unknown>) =>
  idleKeys(parseConfig(JSON.stringify(smallConfig(changes)), 'c.json'));
const clip = { model: 'clip.pt', tokenizer: 'merges.txt' };

test.each([
  [{ variants: ['none', 'two-pass'], temperature: 1, smoothing: { sigma: 0.1 } }, ['temperature', 'smoothing']],
  [{ variants: ['none'], ranking: { allowDegenerate: true } }, ['ranking.allowDegenerate']],
  [{ variants: ['random'], ranking: { signed: true, clip } }, ['ranking.signed', 'ranking.clip']],
  [{ variants: ['loir'], ranking: { file: 'r.json', classNames: 'c.txt' } }, ['ranking.classNames']],
  [{ variants: ['random'], ranking: { file: 'r.json' } }, ['ranking.file']],
  [{ variants: ['loir', 'cdir'], ranking: { signed: true, clip, classNames: 'c' }, temperature: 1 }, []],
  [{ variants: ['none'] }, []],
])('of %j without effect are %j', (changes, keys) => {
  expect(idle(changes).map((line) => line.split(' ')[0])).toEqual(keys);
});
