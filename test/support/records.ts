/** What of `before` is not in `now` at the same place: a line each. Fields that only `now` has are fine. */
export function missingFrom(now: unknown, before: unknown, ignored: ReadonlySet<string>, at = ''): string[] {
  if (typeof before !== 'object' || before === null)
    return Object.is(now, before) ? [] : [`${at}: was ${JSON.stringify(before)}, is ${JSON.stringify(now)}`];
  if (typeof now !== 'object' || now === null) return [`${at}: is ${JSON.stringify(now)}`];
  const [had, has] = [before, now].map((side) => (Array.isArray(side) ? side.length : undefined));
  if (had !== has) return [`${at}: had ${had} entries, has ${has}`];
  return Object.entries(before)
    .filter(([key]) => !ignored.has(key))
    .flatMap(([key, value]) =>
      missingFrom((now as Readonly<Record<string, unknown>>)[key], value, ignored, `${at}/${key}`),
    );
}
