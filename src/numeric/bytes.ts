import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/** SHA-256 of a text in UTF-8, in lower-case hex: names what plans and rankings are made from. */
export function sha256Hex(text: string): string {
  return bytesToHex(sha256(new TextEncoder().encode(text)));
}

/** Characters made of bytes at a time: more arguments than that overflow the stack. */
const CHUNK = 0x8000;

export function toBase64(bytes: Uint8Array): string {
  let characters = '';
  for (let first = 0; first < bytes.length; first += CHUNK)
    characters += String.fromCharCode(...bytes.subarray(first, first + CHUNK));
  return btoa(characters);
}

/** Throws DOMException where the text is no base64. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
