import type { Command } from 'commander';
import { Option } from 'commander';
import { type ClipConfig, clipSchema } from '../contracts/config.ts';
import { InputError } from '../contracts/errors.ts';
import { SIMILARITY_NAMES, type SimilarityName } from '../contracts/similarities.ts';

export interface ClipFlags {
  readonly clip?: string;
  readonly clipImage?: string;
  readonly clipText?: string;
  readonly tokenizer?: string;
  readonly similarity: SimilarityName;
  readonly classNames?: string;
}

/** CLIP for --method cdir, as a config's `ranking.clip`. */
export function addClipOptions(command: Command): Command {
  return command
    .option('--clip <file>', "cdir: OpenAI's ViT-B-16.pt or ViT-B-32.pt, or an .onnx with both encoders")
    .option('--clip-image <file>', 'cdir: the image encoder as .onnx, instead of --clip')
    .option('--clip-text <file>', 'cdir: the text encoder as .onnx')
    .option('--tokenizer <file>', 'cdir: bpe_simple_vocab_16e6.txt.gz, merges.txt or tokenizer.json')
    .addOption(new Option('--similarity <name>', 'cdir').choices(SIMILARITY_NAMES).default('soft_wpmi'))
    .option('--class-names <file>', "cdir: names of the classes, one a line (default: the data set's own)");
}

/** Throws InputError where an option is missing. */
export function clipConfig({ clip, clipImage, clipText, tokenizer, similarity }: ClipFlags): ClipConfig {
  const files = clip === undefined ? { image: clipImage, text: clipText } : { model: clip };
  const parsed = clipSchema.safeParse({ ...files, tokenizer, similarity });
  if (parsed.success) return parsed.data;
  throw new InputError('--method cdir needs --tokenizer, and --clip or both --clip-image and --clip-text');
}

/** Throws InputError where CLIP is named for a ranking that does not look at it. */
export function refuseClip({ clip, clipImage, clipText, tokenizer }: ClipFlags): void {
  if ([clip, clipImage, clipText, tokenizer].some((option) => option !== undefined))
    throw new InputError(
      '--clip, --clip-image, --clip-text and --tokenizer are for --method cdir: give that, or none of them',
    );
}
