// SPDX-License-Identifier: AGPL-3.0-or-later
// Identity keys and signed documents (docs/format.md, 2 and 3): Ed25519 by the browser, ML-DSA-44 (FIPS 204) beside it.
import { ml_dsa44 } from "@noble/post-quantum/ml-dsa.js";
import { type Bytes, type Json, Problem, canonical, join, sha256, toBase64, toHex, utf8 } from "./bytes";

/** What stands before an Ed25519 seed in PKCS #8 (RFC 8410, 7). */
const PKCS8 = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20);

export class Identity {
  private constructor(
    readonly id: string,
    private readonly ed25519: CryptoKey,
    private readonly mldsa: Uint8Array,
  ) {}

  /** From the 64 bytes of a key file: Ed25519's private key, then ML-DSA's seed. */
  static async open(seed: Bytes): Promise<Identity> {
    if (seed.length !== 64) throw new Problem("an identity key has 64 bytes");
    const pkcs8 = join(PKCS8, seed.subarray(0, 32));
    const extractable = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
    const { x = "" } = await crypto.subtle.exportKey("jwk", extractable);
    const ed25519 = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", false, ["sign"]);
    const pair = ml_dsa44.keygen(seed.subarray(32));
    const standard = x.replaceAll("-", "+").replaceAll("_", "/") + "=";
    const half = canonical({ ed25519: standard, "ml-dsa-44": toBase64(pair.publicKey) });
    return new Identity(toHex(await sha256(utf8(half))).slice(0, 32), ed25519, pair.secretKey);
  }

  /** A signed document, as canonical JSON. */
  async sign(kind: string, body: Json): Promise<string> {
    const message = utf8(["custodes/signed/v1", kind, this.id, canonical(body)].join("\0"));
    const first = new Uint8Array(await crypto.subtle.sign("Ed25519", this.ed25519, message));
    const second = ml_dsa44.sign(message, this.mldsa);
    const signatures = { ed25519: toBase64(first), "ml-dsa-44": toBase64(second) };
    return canonical({ kind, key: this.id, body, signatures });
  }
}
