/** What has no file behind it as it is written, and what to write instead. */
const FORMS: readonly (readonly [RegExp, string])[] = [
  [/^(?:https?|ftp|hf|gs|az):\/\//i, 'addresses are not read: download it, and give its path (s3:// is read)'],
  [/^file:\/\//i, 'give the path alone, without file://'],
  [/^-$/, 'standard input is /dev/stdin'],
  [/^~/, '~ is written out by shells only: give the whole path'],
  [/\$\{?\w+/, 'variables are written out by shells only: give the whole path'],
  // What a shell or file system shows of bytes that are not UTF-8.
  [/\ufffd/, 'its name is not text in UTF-8, and cannot be opened; rename it'],
];

/** Why there is nothing at a path that is not meant as one; undefined where it looks like any other. */
export function insteadOfMissing(path: string): string | undefined {
  return FORMS.find(([form]) => form.test(path))?.[1];
}
