const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;

/** A day as people write it, "12 November"; with the year where `now` is in another, with the time where it is the same day. In UTC. */
export function dateText(at: string, now: string): string {
  const [year, month, day] = at.slice(0, 10).split('-');
  const text = `${Number(day)} ${MONTHS[Number(month) - 1]}`;
  if (at.slice(0, 10) === now.slice(0, 10)) return `${text}, ${at.slice(11, 16)} UTC`;
  return year === now.slice(0, 4) ? text : `${text} ${year}`;
}
