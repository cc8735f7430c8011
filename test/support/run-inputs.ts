import type { RunInputs } from '../../src/runs/inputs/inspect-inputs.ts';

/** Inputs of a run as if they had been opened: a ResNet for CIFAR, 12 images to evaluate and 200 to rank on. */
export const RUN_INPUTS: RunInputs = {
  checkpoint: {
    sha256: 'a'.repeat(64),
    architecture: 'net',
    classes: 10,
    layer: { name: 'layer4', units: 64 },
    notes: [],
  },
  imageShape: [3, 32, 32],
  test: { sha256: 'b'.repeat(64), images: 12 },
  probe: { sha256: 'c'.repeat(64), images: 200 },
  classNames: Array.from({ length: 10 }, (_, c) => `class ${c}`),
};
