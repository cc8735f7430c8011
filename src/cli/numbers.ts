import { InvalidArgumentError } from 'commander';
import { SEVERITIES } from '../schemas/corruption.ts';

/** How the text of options that are numbers is read. */

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('give a whole number from 1.');
  return value;
}

export function seedNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('give a whole number from 0.');
  return value;
}

export function finiteNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('give a number.');
  return value;
}

export function positiveNumber(text: string): number {
  const value = finiteNumber(text);
  if (value <= 0) throw new InvalidArgumentError('give a number above 0.');
  return value;
}

export function notNegative(text: string): number {
  const value = finiteNumber(text);
  if (value < 0) throw new InvalidArgumentError('give a number from 0.');
  return value;
}

export function severityNumber(text: string): number {
  const value = positiveInteger(text);
  if (value > SEVERITIES) throw new InvalidArgumentError(`give a severity, 1 to ${SEVERITIES}.`);
  return value;
}

export function numberList(text: string): number[] {
  return text.split(',').map(finiteNumber);
}
