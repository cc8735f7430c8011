import { expect, test } from 'vitest';
import { requireFloat32 } from '../../src/runtime/precision.ts';
import { precisionOutputs, requireProvider } from '../../src/runtime/provider.ts';
import { describeOnWebGpu } from './support.ts';

describeOnWebGpu('the proof of a device', () => {
  test('lets one pass that computes in float32', async () => {
    const outputs = await precisionOutputs('webgpu');
    expect(outputs.Conv!.length).toBe(4 * 64 * 16 * 16);
    expect(() => requireFloat32('webgpu', outputs)).not.toThrow();
    await requireProvider('webgpu');
  });
});
