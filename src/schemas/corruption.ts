import type { RunConfig } from './config.ts';

/** Severities of a common corruption, 1 to 5 (D. Hendrycks and T. Dietterich, arXiv:1903.12261). */
export const SEVERITIES = 5;

/** Their names: the 15 of the benchmark, and the four that come besides. */
export const CORRUPTIONS: ReadonlySet<string> = new Set([
  ...['gaussian_noise', 'shot_noise', 'impulse_noise', 'defocus_blur', 'glass_blur', 'motion_blur', 'zoom_blur'],
  ...['snow', 'frost', 'fog', 'brightness', 'contrast', 'elastic_transform', 'pixelate', 'jpeg_compression'],
  ...['speckle_noise', 'gaussian_blur', 'spatter', 'saturate'],
]);

/** Which corruption a run's test images are of, as far as it is known. */
export interface Corruption {
  /** Its published name, where the file or folder has it. */
  readonly name?: string | undefined;
  readonly severity?: number | undefined;
}

/**
 * By the config, and by the names that files and folders were published under: CIFAR-10-C's gaussian_noise.npy, ImageNet-C's
 * gaussian_noise/3. undefined where nothing speaks of one.
 */
export function corruptionOf({
  format,
  test,
  severity,
}: Pick<RunConfig['dataset'], 'format' | 'test' | 'severity'>): Corruption | undefined {
  const parts = test.replace(/\?versionId=[^?&]*$/, '').split(/[\\/]/);
  const path = parts.filter((part) => part !== '').map((part) => part.replace(/\.(?:np[yz]|tar)$/, ''));
  const [last = '', folder = ''] = path.toReversed();
  if (format === 'npy') {
    const name = CORRUPTIONS.has(last) ? last : undefined;
    return name === undefined && severity === undefined ? undefined : { name, severity };
  }
  if (format !== 'imagefolder' || !CORRUPTIONS.has(folder) || !isSeverity(last)) return undefined;
  return { name: folder, severity: Number(last) };
}

/** Whether a folder is called as a severity is. */
export function isSeverity(name: string): boolean {
  return /^[1-5]$/.test(name);
}

/** "corruption gaussian_noise, severity 3" */
export function corruptionText({ name, severity }: Corruption): string {
  const corruption = name === undefined ? 'a corruption' : `corruption ${name}`;
  return severity === undefined ? corruption : `${corruption}, severity ${severity}`;
}
