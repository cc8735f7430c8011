import { CheckpointError } from '../../errors.ts';
import type { Cursor } from './cursor.ts';
import { COST, Machine, MalformedPickle, malformed, type PickleHost } from './machine.ts';
import { floatFromText, integerFromBytes, integerFromText, stringFromLiteral, textFromRawUnicode } from './scalars.ts';
import * as effect from './stack-ops.ts';
import type { PickleValue } from './values.ts';

/** The opcodes of pickle protocols 0 to 5, after CPython's Lib/pickletools.py. */

export interface Opcode {
  readonly name: string;
  readonly run: Effect;
}
type Effect = (machine: Machine) => void;
type Row = readonly [code: number, name: string, run: Effect];

/** Ends a pickle. */
const STOP = 0x2e;

/** An opcode that pushes what it reads from the pickle. */
const literal = (read: (machine: Machine) => PickleValue): Effect => {
  return (machine) => machine.push(read(machine));
};
/** The same for integers of any length, which take longer. */
const integer = (read: (machine: Machine) => PickleValue): Effect => {
  return (machine) => {
    machine.charge(COST.integer);
    machine.push(read(machine));
  };
};
const utf8 = (bytes: Buffer) => bytes.toString('utf8');
/** Python 2 strings are bytes; those that PyTorch itself reads are ASCII. */
const latin1 = (bytes: Buffer) => bytes.toString('latin1');

const LITERALS: readonly Row[] = [
  [0x4e, 'NONE', literal(() => null)],
  [0x88, 'NEWTRUE', literal(() => true)],
  [0x89, 'NEWFALSE', literal(() => false)],
  [0x49, 'INT', integer(({ cursor }) => integerFromText(cursor.line()))],
  [0x4a, 'BININT', literal(({ cursor }) => cursor.int32())],
  [0x4b, 'BININT1', literal(({ cursor }) => cursor.uint8())],
  [0x4d, 'BININT2', literal(({ cursor }) => cursor.uint16())],
  [0x4c, 'LONG', integer(({ cursor }) => integerFromText(cursor.line()))],
  [0x8a, 'LONG1', integer(({ cursor }) => integerFromBytes(cursor.take(cursor.uint8())))],
  [0x8b, 'LONG4', integer(({ cursor }) => integerFromBytes(cursor.take(cursor.uint32())))],
  [0x46, 'FLOAT', literal(({ cursor }) => floatFromText(cursor.line()))],
  [0x47, 'BINFLOAT', literal(({ cursor }) => cursor.float64BigEndian())],
  [0x53, 'STRING', literal(({ cursor }) => stringFromLiteral(cursor.line()))],
  [0x54, 'BINSTRING', literal(({ cursor }) => latin1(cursor.take(cursor.uint32())))],
  [0x55, 'SHORT_BINSTRING', literal(({ cursor }) => latin1(cursor.take(cursor.uint8())))],
  [0x56, 'UNICODE', literal(({ cursor }) => textFromRawUnicode(cursor.line()))],
  [0x58, 'BINUNICODE', literal(({ cursor }) => utf8(cursor.take(cursor.uint32())))],
  [0x8c, 'SHORT_BINUNICODE', literal(({ cursor }) => utf8(cursor.take(cursor.uint8())))],
  [0x8d, 'BINUNICODE8', literal(({ cursor }) => utf8(cursor.take(cursor.uint64())))],
  [0x42, 'BINBYTES', literal(({ cursor }) => cursor.take(cursor.uint32()))],
  [0x43, 'SHORT_BINBYTES', literal(({ cursor }) => cursor.take(cursor.uint8()))],
  [0x8e, 'BINBYTES8', literal(({ cursor }) => cursor.take(cursor.uint64()))],
  [0x96, 'BYTEARRAY8', literal(({ cursor }) => cursor.take(cursor.uint64()))],
];

const CONTAINERS: readonly Row[] = [
  [0x28, 'MARK', (machine) => machine.mark()],
  [0x5d, 'EMPTY_LIST', (machine) => effect.pushList(machine, [])],
  [0x6c, 'LIST', (machine) => effect.pushList(machine, machine.popToMark())],
  [0x61, 'APPEND', (machine) => effect.append(machine, machine.popLast(1))],
  [0x65, 'APPENDS', (machine) => effect.append(machine, machine.popToMark())],
  [0x29, 'EMPTY_TUPLE', (machine) => effect.pushTuple(machine, [])],
  [0x85, 'TUPLE1', (machine) => effect.pushTuple(machine, machine.popLast(1))],
  [0x86, 'TUPLE2', (machine) => effect.pushTuple(machine, machine.popLast(2))],
  [0x87, 'TUPLE3', (machine) => effect.pushTuple(machine, machine.popLast(3))],
  [0x74, 'TUPLE', (machine) => effect.pushTuple(machine, machine.popToMark())],
  [0x7d, 'EMPTY_DICT', (machine) => effect.pushDict(machine, [])],
  [0x64, 'DICT', (machine) => effect.pushDict(machine, machine.popToMark())],
  [0x73, 'SETITEM', (machine) => effect.setItems(machine, machine.popLast(2))],
  [0x75, 'SETITEMS', (machine) => effect.setItems(machine, machine.popToMark())],
  [0x8f, 'EMPTY_SET', (machine) => effect.pushSet(machine, 'set', [])],
  [0x90, 'ADDITEMS', (machine) => effect.append(machine, machine.popToMark())],
  [0x91, 'FROZENSET', (machine) => effect.pushSet(machine, 'frozenset', machine.popToMark())],
];

const STACK_AND_MEMO: readonly Row[] = [
  [0x30, 'POP', (machine) => machine.drop()],
  [0x31, 'POP_MARK', (machine) => void machine.popToMark()],
  [0x32, 'DUP', (machine) => machine.push(machine.top())],
  [0x67, 'GET', (machine) => machine.recall(Number(machine.cursor.line()))],
  [0x68, 'BINGET', (machine) => machine.recall(machine.cursor.uint8())],
  [0x6a, 'LONG_BINGET', (machine) => machine.recall(machine.cursor.uint32())],
  [0x70, 'PUT', (machine) => machine.memoize(Number(machine.cursor.line()))],
  [0x71, 'BINPUT', (machine) => machine.memoize(machine.cursor.uint8())],
  [0x72, 'LONG_BINPUT', (machine) => machine.memoize(machine.cursor.uint32())],
  [0x94, 'MEMOIZE', (machine) => machine.memoize()],
];

const OBJECTS: readonly Row[] = [
  [0x63, 'GLOBAL', (machine) => effect.pushGlobal(machine, machine.cursor.line(), machine.cursor.line())],
  [0x93, 'STACK_GLOBAL', effect.pushGlobalFromStack],
  [0x52, 'REDUCE', effect.callWithTuple],
  [0x81, 'NEWOBJ', effect.callWithTuple],
  [0x92, 'NEWOBJ_EX', effect.callWithKeywords],
  [0x69, 'INST', effect.callNamed],
  [0x6f, 'OBJ', effect.callAboveMark],
  [0x62, 'BUILD', effect.build],
  [0x50, 'PERSID', (machine) => effect.pushPersistent(machine, machine.cursor.line())],
  [0x51, 'BINPERSID', (machine) => effect.pushPersistent(machine, machine.pop())],
];

const FRAMING: readonly Row[] = [
  // Neither changes what follows: opcodes mean the same in every protocol, and a frame only tells how much to buffer.
  [0x80, 'PROTO', (machine) => void machine.cursor.uint8()],
  [0x95, 'FRAME', (machine) => void machine.cursor.uint64()],
];

/** Numbered classes of copyreg, and buffers handed over beside the pickle: torch.save uses neither. */
const REFUSED: readonly Row[] = [
  [0x82, 'EXT1', refuse],
  [0x83, 'EXT2', refuse],
  [0x84, 'EXT4', refuse],
  [0x97, 'NEXT_BUFFER', refuse],
  [0x98, 'READONLY_BUFFER', refuse],
];

function refuse(): never {
  throw malformed('this opcode has no place in a file');
}

/** Opcodes by their code. */
export const OPCODES: ReadonlyMap<number, Opcode> = new Map(
  [LITERALS, CONTAINERS, STACK_AND_MEMO, OBJECTS, FRAMING, REFUSED]
    .flat()
    .map(([code, name, run]) => [code, { name, run }]),
);

/**
 * Reads one pickle from the cursor and leaves the cursor behind it. Names in the pickle stay names: only the calls in
 * `host.calls` are applied, everything else is recorded in placeholders.
 *
 * Time and memory are bounded whatever the bytes say. Throws CheckpointError for a damaged pickle, TruncatedPickle (one
 * of them) where the bytes end too early.
 */
export function unpickle(cursor: Cursor, host: PickleHost): PickleValue {
  const machine = new Machine(cursor, host);
  for (;;) {
    const start = cursor.position;
    const code = cursor.uint8();
    const opcode = OPCODES.get(code);
    try {
      if (code === STOP) return machine.result();
      if (opcode === undefined) throw new MalformedPickle('there is no such opcode');
      machine.charge(1);
      opcode.run(machine);
    } catch (error) {
      if (!(error instanceof MalformedPickle)) throw error;
      const where = `byte ${start}, opcode ${opcode?.name ?? code}`;
      throw new CheckpointError(`its pickle is damaged (${where}): ${error.message}. Fetch the file again`);
    }
  }
}
