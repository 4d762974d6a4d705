// SPDX-License-Identifier: AGPL-3.0-or-later
// Wrapping (docs/format.md, 4): HPKE (RFC 9180), base mode, single shot, with X-Wing, HKDF-SHA256 and AES-256-GCM.
import { Aes256Gcm, CipherSuite, HkdfSha256 } from "@hpke/core";
import { XWing } from "@hpke/hybridkem-x-wing";
import { type Bytes, Problem, join } from "./bytes";

export const SUITE = "MLKEM768_X25519-HKDF_SHA256-AES_256_GCM";
const ENCAPSULATED = 1120;

export const suite = new CipherSuite({ kem: new XWing(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });

/** The private half of a wrapping key, from its 32-byte seed; it cannot be taken out again. */
export function wrappingKey(seed: Bytes): Promise<CryptoKey> {
  return suite.kem.importKey("raw", seed.buffer, false);
}

/** Seal to a public wrapping key (1,216 bytes), bound to `info`. */
export async function wrap(to: Bytes, secret: Bytes, info: Bytes): Promise<Bytes> {
  const recipientPublicKey = await suite.kem.deserializePublicKey(to);
  const { enc, ct } = await suite.seal({ recipientPublicKey, info }, secret);
  return join(new Uint8Array(enc), new Uint8Array(ct));
}

/** Open what `wrap`, or the recorder, has sealed; throws a `Problem` for anything else. */
export async function unwrap(recipientKey: CryptoKey, box: Bytes, info: Bytes): Promise<Bytes> {
  try {
    const enc = box.slice(0, ENCAPSULATED);
    return new Uint8Array(await suite.open({ recipientKey, enc, info }, box.slice(ENCAPSULATED)));
  } catch {
    throw new Problem("a wrapped share does not open: it belongs to another key or to something else");
  }
}
