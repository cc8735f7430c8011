import { type Content, html, type Markup } from './markup.ts';

/** The few building blocks of the page. */

export function section(title: string, ...contents: readonly Content[]): Markup {
  return html`<section>\n<h2>${title}</h2>\n${contents}</section>\n`;
}

export function note(text: Content): Markup {
  return html`<p class="note">${text}</p>\n`;
}

export function details(summary: string, ...contents: readonly Content[]): Markup {
  return html`<details>\n<summary>${summary}</summary>\n${contents}</details>\n`;
}

export interface TableOptions {
  /** For screen readers. */
  readonly label: string;
  readonly columns: readonly Content[];
  /** A row's first cell is its heading. */
  readonly rows: readonly (readonly Content[])[];
  readonly className?: string;
}

/** A table that scrolls sideways where it is wider than the page. */
export function table({ label, columns, rows, className }: TableOptions): Markup {
  const head = columns.map((column) => html`<th scope="col">${column}</th>`);
  const body = rows.map(([heading = null, ...cells]) => {
    const data = cells.map((cell) => html`<td>${cell}</td>`);
    return html`<tr><th scope="row">${heading}</th>${data}</tr>\n`;
  });
  return html`<div class="scroll" role="region" aria-label="${label}" tabindex="0">
<table class="${className ?? 'plain'}">
<thead><tr>${head}</tr></thead>
<tbody>
${body}</tbody>
</table>
</div>\n`;
}
