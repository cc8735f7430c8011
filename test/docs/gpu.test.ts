import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Remedy } from '../../src/runtime/devices/device-fault.ts';
import { DEVICE_FAULTS } from '../../src/runtime/devices/for-device.ts';
import { ROOT } from '../support/markdown.ts';

const REMEDIES: Readonly<Record<Remedy['kind'], string>> = {
  rewrite: 'written otherwise',
  option: 'channels first',
  opset: 'opset 18',
  refuse: 'refused',
  leave: 'left to the CPU',
};

const HEAD = ['| device | op | effect | what | remedy | upstream |', '|---|---|---|---|---|---|'];

it('docs/gpu.md has a line for every fault', () => {
  const lines = DEVICE_FAULTS.map(
    ({ device, op, effect, what, remedy, upstream = 'none known' }) =>
      `| ${[device, op, effect, what, REMEDIES[remedy.kind], upstream].join(' | ')} |`,
  );
  const text = readFileSync(`${ROOT}docs/gpu.md`, 'utf8');
  const [, table = ''] = /<!-- faults -->\n(.*)<!-- end of faults -->/s.exec(text) ?? [];
  expect(table.trim().split('\n')).toEqual([...HEAD, ...lines]);
});
