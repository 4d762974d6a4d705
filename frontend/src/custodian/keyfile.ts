// SPDX-License-Identifier: AGPL-3.0-or-later
// Key files (docs/format.md, 2): read from what the custodian chooses, opened here.
import { scryptAsync } from "@noble/hashes/scrypt.js";
import { type Bytes, type Json, Problem, canonical, fromBase64, utf8 } from "./bytes";

const MOST_BYTES = 64 * 1024;
const MOST_N = 2 ** 20;

export interface KeyFile {
  readonly use: string;
  readonly key: string;
  readonly seed: Bytes;
}

type Members = { [name: string]: Json };

/** Open one file; throws a `Problem` that names it. */
export async function openKeyFile(file: File, passphrase: string): Promise<KeyFile> {
  if (file.size > MOST_BYTES) throw new Problem(`${file.name} is too long for a key file`);
  const source = parse(await file.text(), file.name);
  const { kind, use, key, seed } = source;
  if (kind !== "custodes/private-key" || source.v !== 1 || typeof use !== "string" || typeof key !== "string") {
    throw new Problem(`${file.name} is no key file`);
  }
  if (typeof seed === "string") return { use, key, seed: fromBase64(seed) };
  if (!passphrase) throw new Problem(`${file.name} needs its passphrase`);
  return { use, key, seed: await unseal(source, passphrase, file.name) };
}

function parse(text: string, name: string): Members {
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return value as Members;
  } catch {
    // Falls through to the one line that is said of it.
  }
  throw new Problem(`${name} is no key file`);
}

/** AES-256-GCM under a key that scrypt (RFC 7914) makes of the passphrase; everything else in the file is bound to it. */
async function unseal(source: Members, passphrase: string, name: string): Promise<Bytes> {
  const { sealed, ...about } = source;
  const kdf = source.kdf as Members | undefined;
  const n = kdf?.n;
  const known = kdf?.name === "scrypt" && kdf.r === 8 && kdf.p === 1 && typeof kdf.salt === "string";
  if (!known || typeof n !== "number" || n < 2 || n > MOST_N || n & (n - 1) || typeof sealed !== "string") {
    throw new Problem(`${name} is sealed in a way that is not known`);
  }
  const salt = fromBase64(kdf.salt as string);
  const stretched = new Uint8Array(await scryptAsync(utf8(passphrase), salt, { N: n, r: 8, p: 1, dkLen: 32 }));
  const key = await crypto.subtle.importKey("raw", stretched, "AES-GCM", false, ["decrypt"]);
  const box = fromBase64(sealed);
  try {
    const how = { name: "AES-GCM", iv: box.slice(0, 12), additionalData: utf8(canonical(about)) };
    return new Uint8Array(await crypto.subtle.decrypt(how, key, box.slice(12)));
  } catch {
    throw new Problem(`the passphrase of ${name} is wrong, or the file was changed`);
  }
}
