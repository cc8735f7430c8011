import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { rankedDigests } from '../../../src/cli/ranked-files.ts';
import { similaritySchema } from '../../../src/schemas/similarities.ts';
import { temporaryFolder } from '../../support/temporary.ts';

test('a ranking has the digests of its files before they were read, and is of none that was written to since', async () => {
  const folder = temporaryFolder('igd-ranked-');
  const [checkpoint, probe, labels, model, tokenizer] = ['net.pt', 'x.npy', 'y.npy', 'clip.pt', 'merges.txt'].map(
    (name) => {
      copyFileSync('examples/demo/test-64.bin', `${folder}/${name}`);
      return `${folder}/${name}`;
    },
  ) as [string, string, string, string, string];
  const files = {
    checkpoint,
    probe: { format: 'npy', path: probe, split: 'train', labels } as const,
    labels,
    clip: { model, tokenizer, similarity: similaritySchema.parse('soft_wpmi'), batchSize: 1 },
  };
  for (const path of [checkpoint, probe, labels, model, tokenizer]) {
    const digests = await rankedDigests(files);
    await digests.confirm();
    const bytes = readFileSync(path);
    writeFileSync(
      path,
      bytes.map((byte) => byte ^ 1),
    );
    await expect(digests.confirm()).rejects.toThrow(`${path}: was written to while it was ranked`);
    writeFileSync(path, bytes);
    expect(digests.checkpoint).toBe((await rankedDigests(files)).checkpoint);
  }
});
