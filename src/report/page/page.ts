import type { Report } from '../../schemas/report.ts';
import { imagesText } from '../corruption.ts';
import { type Notice, noticesOf } from '../flags.ts';
import { list, radius } from '../format.ts';
import { verdictSentence } from './headline.ts';
import { type Content, html, type Markup, trusted } from './markup.ts';
import { STYLE } from './style.ts';

export interface PageParts {
  readonly title: string;
  /** From top to bottom; null leaves nothing. */
  readonly sections: readonly Content[];
  readonly footer: string;
  /** What a page has besides the style of all. */
  readonly style?: string;
}

/** Nothing is loaded from anywhere, and nothing runs; pictures are in the page itself. */
export const PAGE_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/**
 * One HTML file that needs nothing else, no script and no network; its policy forbids both, whatever a class or a checkpoint
 * is called. Equal parts give equal bytes.
 */
export function page({ title, sections, footer, style = '' }: PageParts): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${trusted(PAGE_POLICY)}">
<title>${title}</title>
<style>${trusted(STYLE + style)}</style>
</head>
<body>
<main>
${sections}<footer>${footer}</footer>
</main>
</body>
</html>
`.text;
}

/** What the page opens with: the run, its outcome in words, and what to know before trusting it. */
export function head(report: Report): Markup {
  const { run, checkpoint } = report;
  const facts = [
    checkpoint.architecture,
    imagesText(report),
    `${list(run.suite.map(({ name }) => name))} (${run.threat.norm}, ε = ${radius(run.threat.epsilon)})`,
  ];
  return html`<header>
<p class="overline">Robustness report</p>
<h1>${run.name}</h1>
<p class="facts">${facts.join(' · ')}</p>
<p class="lead">${verdictSentence(report)}</p>
</header>
${notices(noticesOf(report))}`;
}

function notices(all: readonly Notice[]): Markup | null {
  if (all.length === 0) return null;
  return html`<aside class="notices" aria-labelledby="notices">
<h2 id="notices">Read this first</h2>
<ul>
${all.map(notice)}</ul>
</aside>
`;
}

function notice({ code, subject, message, likewise }: Notice): Markup {
  const about = subject === null ? null : html`<strong>${subject}</strong>: `;
  const ends = message.endsWith('.') ? '' : '.';
  const others = likewise.length === 0 ? '' : ` Likewise ${list(likewise)}.`;
  return html`<li>${about}${message}${ends}${others} <code>${code}</code></li>\n`;
}
