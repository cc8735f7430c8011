import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readCheckpoint } from '../../../src/checkpoints/read-checkpoint.ts';
import { type StateDict, weight } from '../../../src/checkpoints/weights.ts';
import type { Tensor } from '../../../src/numeric/tensor.ts';
import { describeWithShared } from '../../support/shared.ts';
import { refusal } from './support/read.ts';

describeWithShared('reference checkpoints', (reference) => {
  const path = (name: string) => join(reference, 'checkpoints', name);
  const state = async (name: string) => (await readCheckpoint(path(name))).state;

  const bytesOf = ({ buffer, byteOffset, byteLength }: Tensor['data']) => Buffer.from(buffer, byteOffset, byteLength);

  function expectSame(left: StateDict, right: StateDict): void {
    expect([...left.keys()]).toEqual([...right.keys()]);
    for (const [name, { type, dims, data }] of left) {
      const other = right.get(name)!;
      expect([name, other.type, other.dims]).toEqual([name, type, dims]);
      expect(bytesOf(data).equals(bytesOf(other.data)), name).toBe(true);
    }
  }

  it.each([
    ['cifar10-rn18-w16', 'cifar10-rn18-w16.pt', 'cifar10-rn18-w16.legacy.pt', 122],
    ['preact-rn18-w8-c100 in half precision', 'preact-rn18-w8-c100.half.pt', 'preact-rn18-w8-c100.legacy.pt', 107],
  ])('%s: zip and legacy hold the same tensors', async (_, zip, legacy, tensors) => {
    const [first, second] = [await readCheckpoint(path(zip)), await readCheckpoint(path(legacy))];
    expect([first.format, second.format]).toEqual(['torch-zip', 'torch-legacy']);
    expect(first.state.size).toBe(tensors);
    expectSame(first.state, second.state);
  });

  it('wrn10-2-b8: nested, with a prefix, and its duplicated sub_block1 dropped', async () => {
    const { state, notes } = await readCheckpoint(path('wrn10-2-b8.module-subblock.pt'));
    expect(state.size).toBe(47);
    expect([...state.keys()].some((name) => name.includes('sub_block1'))).toBe(false);
    expect(weight(state, 'fc.weight', [10, '*']).dims).toEqual([10, 64]);
    expect(notes).toEqual([
      'weights are those under "state_dict"',
      expect.stringContaining('left out "module.sub_block1.layer.0.bn1.weight" and 12 more'),
      'took the prefix "module." off every name',
    ]);
  });

  it('rn50-w8-c20: among a Namespace, a numpy scalar and the state of an optimizer', async () => {
    const { state, notes } = await readCheckpoint(path('rn50-w8-c20.pth.tar'));
    expect(state.size).toBe(320);
    expect(weight(state, 'fc.weight', [20, '*']).dims[0]).toBe(20);
    expect(notes).toEqual(['weights are those under "state_dict"', 'took the prefix "module." off every name']);
  });

  it('a third-party checkpoint of an unknown architecture', async () => {
    const { state, notes } = await readCheckpoint(path('other.resnet2b_model_best.pth'));
    expect(state.size).toBe(16);
    expect(notes).toEqual(['weights are those under "state_dict"']);
  });

  it.each([
    ['hostile.reduce.pt', 'is hostile: its pickle would run "posix.system"'],
    ['hostile.legacy.pkl', 'is hostile: its pickle would run "posix.system"'],
    ['broken.truncated.pt', 'is a zip archive that is cut short or damaged: fetch the file again'],
    ['broken.missing-storage.pt', 'has no storage "cifar10-rn18-w16/data/7" for "layer1.0.bn1.weight"'],
    ['broken.not-a-checkpoint.pt', 'looks like an HTML page'],
  ])('%s is refused', async (name, message) => {
    expect(await refusal(readCheckpoint(path(name)))).toContain(`${name}: ${message}`);
    expect(existsSync('PWNED-BY-PICKLE')).toBe(false);
  });

  it('a NaN and a missing key are found when the weight is asked for', async () => {
    const whole = await state('cifar10-rn18-w16.pt');
    const problems = async (name: string) => {
      const broken = await state(name);
      return [...whole]
        .filter(([, { type }]) => type === 'float32')
        .flatMap(([key, { dims }]) => {
          try {
            weight(broken, key, dims);
            return [];
          } catch (error) {
            return [String(error)];
          }
        });
    };
    expect(await problems('broken.nan-weight.pt')).toEqual([expect.stringMatching(/weight ".*" is NaN at \[/)]);
    expect(await problems('broken.missing-key.pt')).toEqual([
      expect.stringMatching(/has no weight ".*" \(expected \[/),
    ]);
  });
});
