import { type Content, html, trusted } from './markup.ts';
import { STYLE } from './style.ts';

export interface PageParts {
  readonly title: string;
  /** From top to bottom; null leaves nothing. */
  readonly sections: readonly Content[];
  readonly footer: string;
}

/**
 * One HTML file that needs nothing else, no script and no network; its policy forbids both, whatever a class or a checkpoint
 * is called. Equal parts give equal bytes.
 */
export function page({ title, sections, footer }: PageParts): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
<main>
${sections}<footer>${footer}</footer>
</main>
</body>
</html>
`.text;
}
