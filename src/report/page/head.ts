import type { Report } from '../../contracts/report.ts';
import { counted, list, radius } from '../format.ts';
import { type Notice, noticesOf } from '../notices.ts';
import { html, type Markup } from './markup.ts';
import { verdict } from './verdict.ts';

/** What the page opens with: the run, its outcome in words, and what to know before trusting it. */
export function head(report: Report): Markup {
  const { run, checkpoint } = report;
  const facts = [
    checkpoint.architecture,
    counted(run.images, 'image'),
    `${list(run.suite.map(({ name }) => name))} (${run.threat.norm}, ε = ${radius(run.threat.epsilon)})`,
  ];
  return html`<header>
<p class="overline">Robustness report</p>
<h1>${run.name}</h1>
<p class="facts">${facts.join(' · ')}</p>
<p class="lead">${verdict(report)}</p>
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
