import type { Report } from '../../contracts/report.ts';
import { counted, list, radius } from '../format.ts';
import { section } from './elements.ts';
import { type Content, html, type Markup } from './markup.ts';

type Entry = readonly [term: string, description: Content];

/** What was run, to the bit: enough to run it again. */
export function provenanceSection(report: Report): Markup {
  const entries = [...runEntries(report), ...inputEntries(report), ...rankingEntries(report)];
  const items = entries.map(([term, description]) => html`<dt>${term}</dt><dd>${description}</dd>\n`);
  return section('What was run', html`<dl>\n${items}</dl>\n`);
}

function runEntries({ run }: Report): Entry[] {
  const { smoothing, threat } = run;
  return [
    ['Run', html`${run.name} <code>${run.id}</code>`],
    ['Suite', list(run.suite.map(({ name }) => name))],
    ['Threat model', `${threat.norm}, ε = ${radius(threat.epsilon)}`],
    ['Temperature', run.temperature],
    [
      'Smoothing',
      smoothing === null ? 'none' : `${counted(smoothing.samples, 'noise sample')}, σ = ${radius(smoothing.sigma)}`,
    ],
    ['Adversarial examples', `${run.examples} misclassified iterate`],
    ['Seed', run.seed],
    ['Work', `${counted(run.images, 'image')} in ${counted(run.shards, 'shard')}`],
  ];
}

function inputEntries({ checkpoint, dataset }: Report): Entry[] {
  const file = ({ uri, sha256, images }: Report['dataset']['test']) =>
    html`${uri} · ${counted(images, 'image')}<br><code>sha256 ${sha256}</code>`;
  return [
    ['Checkpoint', html`${checkpoint.uri}<br><code>sha256 ${checkpoint.sha256}</code>`],
    ['Architecture', `${checkpoint.architecture}, ${checkpoint.classes} classes`],
    ...checkpoint.notes.map((text): Entry => ['Note', text]),
    ['Test set', html`${dataset.format} · ${file(dataset.test)}`],
    ...(dataset.probe === null ? [] : [['Probe set', file(dataset.probe)] satisfies Entry]),
  ];
}

function rankingEntries({ ranking }: Report): Entry[] {
  if (ranking.methods.length === 0) return [];
  const methods = ranking.methods.map(({ method, signed, digest }): Entry => {
    const origin = digest === null ? 'imported' : html`<code>${digest}</code>`;
    return [`Ranking ${method}`, html`${signed ? 'signed' : 'absolute'} · ${origin}`];
  });
  const masked = `${ranking.importantUnits ?? 'all'} of ${ranking.units ?? '?'} units of ${ranking.layer ?? 'no layer'}`;
  return [['Masks keep', masked], ...methods];
}
