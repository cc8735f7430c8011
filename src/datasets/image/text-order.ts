/** Orders texts by code points, as Python does, not by UTF-16 units, which has some of the later characters before earlier ones. */
export function byCodePoint(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const [unitA, unitB] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (unitA !== unitB) return afterPlane0(unitA) - afterPlane0(unitB);
  }
  return a.length - b.length;
}

/** A surrogate is half of a character behind all those of one unit. */
function afterPlane0(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}
