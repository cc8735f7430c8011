import { z } from 'zod';
import { namesIn } from '../../datasets/archive-members.ts';
import { digestOf } from '../../datasets/digest.ts';
import { readBytes } from '../../datasets/files.ts';
import { ConfigError } from '../../errors.ts';
import type { Clip, ClipSpec } from '../../models/clip/clip.ts';
import { type Tokenizer, tokenize } from '../../models/clip/tokenizer.ts';
import { requireImages } from '../../ranking/cdir/similarities.ts';
import type { ClipConfig } from '../../schemas/config.ts';
import { modelDigest } from './model-digest.ts';
import { openClip, readTokenizer } from './open-clip.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** What is known of CLIP and of the names it is given, after opening everything once. */
export const clipInputsSchema = z.strictObject({
  description: z.string(),
  /** SHA-256 of the one file, or of image and text encoder. */
  files: z.array(sha256).min(1).max(2),
  tokenizer: sha256,
  /** Names of the classes, in the order of the labels. */
  concepts: z.array(z.string()).min(1),
});
export type ClipInputs = z.infer<typeof clipInputsSchema>;

/** What CLIP is to be used on. */
export interface ClipUse {
  readonly classes: number;
  /** Probe images. */
  readonly images: number;
  /** A file of names; the data set's where not given. */
  readonly classNames: string | undefined;
  readonly ownNames: readonly string[] | undefined;
}

/**
 * Opens CLIP, its tokenizer and the class names, and checks that they fit each other and the probe set. Throws ConfigError,
 * CheckpointError, GraphError, InputError or RankingError.
 */
export async function inspectClip(config: ClipConfig, use: ClipUse): Promise<ClipInputs> {
  requireImages(config.similarity, use.images);
  const concepts = await conceptsOf(use);
  const clip = await openClip(clipSpec(config));
  const tokenizer = await readTokenizer(config.tokenizer);
  requireVocabulary(clip, tokenizer, config.tokenizer);
  tokenize(tokenizer, concepts, clip.contextLength);
  return {
    description: clip.description,
    files: await Promise.all(clipFiles(config).map(modelDigest)),
    tokenizer: await digestOf(config.tokenizer),
    concepts,
  };
}

export function clipSpec(config: ClipConfig): ClipSpec {
  return 'model' in config ? { model: config.model } : { image: config.image, text: config.text };
}

/** The files of its encoders. */
export function clipFiles(config: ClipConfig): string[] {
  return 'model' in config ? [config.model] : [config.image, config.text];
}

async function conceptsOf({ classes, classNames, ownNames }: ClipUse): Promise<string[]> {
  const names = classNames === undefined ? ownNames : namesIn(await readBytes(classNames), classNames);
  if (names === undefined)
    throw new ConfigError(
      'variant cdir compares units with the names of the classes, and the data set has none: ' +
        'name a file of them (one a line, in the order of the labels) in ranking.classNames',
    );
  if (names.length === classes) return [...names];
  const where = classNames ?? 'the data set';
  throw new ConfigError(`${where} has ${names.length} class names, the model ${classes} classes: give one name each`);
}

/** Throws ConfigError where the tokenizer is of another model. */
export function requireVocabulary({ vocabulary, description }: Clip, tokenizer: Tokenizer, where: string): void {
  if (vocabulary === undefined || vocabulary === tokenizer.vocabulary) return;
  throw new ConfigError(
    `${where} has ${tokenizer.vocabulary} tokens, ${description} knows ${vocabulary}: it is the tokenizer of another model`,
  );
}
