// SPDX-License-Identifier: AGPL-3.0-or-later
// What the program has verified and prepared becomes an answer: own shares opened, wrapped again, everything signed.
import { type Json, Problem, fromBase64, fromHex, join, sha256, toBase64, toHex, utf8 } from "./bytes";
import { Identity } from "./identity";
import { type KeyFile } from "./keyfile";
import { unwrap, wrap, wrappingKey } from "./seal";

export interface Share {
  /** The ways to it: any one will do whose wrapping key is here. */
  wrapped: { key: string; box: string; info: string }[];
  binds: string;
  header: string;
  index: number;
  commitment: string;
}

export interface Draft {
  kind: string;
  signer: string;
  body: { [name: string]: Json };
  to?: string;
  shares?: Share[];
}

/** A custodian's opened keys. They are in this object only, and go with the page. */
export class Keys {
  private constructor(
    readonly identity: Identity,
    private readonly wrapping: ReadonlyMap<string, CryptoKey>,
  ) {}

  get count(): number {
    return this.wrapping.size;
  }

  static async open(files: KeyFile[]): Promise<Keys> {
    const own = files.filter((file) => file.use === "custodian identity");
    const [first] = own;
    if (!first || own.length > 1) throw new Problem("the first file must be your identity.key");
    const identity = await Identity.open(first.seed);
    if (identity.id !== first.key) throw new Problem("the identity key is not the one that its file names");
    const wrapping = new Map<string, CryptoKey>();
    for (const file of files) {
      if (file.use === "custodian wrapping") wrapping.set(file.key, await wrappingKey(file.seed));
    }
    return new Keys(identity, wrapping);
  }

  /** The signed grant, refusal or statement for a draft; throws a `Problem` before anything leaves the page. */
  async answer(draft: Draft): Promise<string> {
    if (draft.signer !== this.identity.id) throw new Problem("these keys are another office's than this desk's");
    const periods = draft.body.periods;
    if (draft.shares && draft.to && Array.isArray(periods)) {
      const shares = await Promise.all(draft.shares.map((share) => this.rewrap(share, draft.to ?? "")));
      const filled = periods.map((period, at) => ({ ...(period as object), share: shares[at] ?? "" }));
      return this.identity.sign(draft.kind, { ...draft.body, periods: filled });
    }
    return this.identity.sign(draft.kind, draft.body);
  }

  private async rewrap(share: Share, to: string): Promise<string> {
    const way = share.wrapped.find(({ key }) => this.wrapping.has(key));
    const key = way && this.wrapping.get(way.key);
    if (!key) throw new Problem("the wrapping key of a recording is not among the files: it was destroyed or lies elsewhere");
    const secret = await unwrap(key, fromBase64(way.box), utf8(way.info));
    const place = join(utf8("custodes/share/v1\0"), fromHex(share.header), Uint8Array.of(share.index));
    if (toHex(await sha256(join(place, secret))) !== share.commitment) {
      throw new Problem(`share ${share.index} is not the one that the recorder committed to`);
    }
    return toBase64(await wrap(fromBase64(to), secret, utf8(share.binds)));
  }
}
