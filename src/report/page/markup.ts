/** HTML that is safe to place in a page as it is. Only `html` and `trusted` make it. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Content = Markup | string | number | null | readonly Content[];

/** A template whose values are escaped unless they are markup already; null leaves nothing, a list its items in a row. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  const parts = strings.map((string, index) => string + render(values[index] ?? null));
  return new Markup(parts.join(''));
}

/** Text that is HTML or SVG of our own making. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

function render(content: Content): string {
  if (content instanceof Markup) return content.text;
  if (content === null) return '';
  if (typeof content === 'object') return content.map(render).join('');
  return escapeHtml(String(content));
}

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
